// Package verify compares the tables of all regions with each other while all of them are written to, and repairs what differs.
//
// # When rows differ
//
// Tables are compared in chunks of their primary key's order: each region's database digests a chunk, and one that is the same everywhere is
// clean. What is on its way between regions makes chunks differ too, so a chunk that differs is compared row by row, and rows that differ are
// judged:
//
//  1. every region says where its log ends (its LSN), and after that, up to which clock it has logged (the cut);
//  2. every region's database shows the others' logs up to the cut;
//  3. every region looks at the rows, waits until everything that its database held then is in its log, and tells which of them were
//     written after its LSN.
//
// Rows that are the same everywhere are clean. A row that no region wrote after its LSN is what the writes up to there have made of it. Each of
// them was logged where it was born before the cut was taken, so every region has applied it, and not after its own LSN: all regions show the
// outcome of the same writes. If they show it differently, they do differ. All other rows are judged again, with a new cut. So no difference is
// reported that replication would have mended, however much is written and whatever values come back.
//
// A row that is written all the time may never be quiet long enough. It is clean as well once every region has shown one and the same digest
// of it past the first cut, and is counted as rewritten if every region wrote it anew.
//
// # Between engines
//
// Databases of several engines have no digest of their own in common, nor always an order. They agree on a text for each value of a table (relay.ValueForm), and
// everything above goes by those. Where keys have one order they are compared in chunks of it, and otherwise each is read in its own, and rows meet in buckets of their
// keys. Neither changes the judgement: rows that lie in different chunks or were read at different times are only looked at once more.
//
// # Repair
//
// A repair writes one row in one region, under a lock and only if the row is as it was compared. Its transaction begins with a mark, as the
// applier's do, which says that an operator ordered it: no other region gets it, so that it does not echo and beats nobody's write. It has no
// version: whatever is known of the row from a write of an application is newer, and is put back if a repair should cover it. The region's log has the row's
// both images.
package verify
