// Package join brings a region into a running cluster, as the copy of another one, its donor, while all regions go on writing. It knows no engine.
//
//	donor's tables ──chunks, at any time, no locks──► newcomer's tables
//	donor's log    ──from before the first chunk on, row by row──► the same rows again
//	donor's relay  ──what it knew at one entry of its log (M, what was seen, what is owed)──► newcomer's store
//
// Each chunk is read as it stands at some moment, several at a time. The donor's log is then done again from where it ended before the first
// chunk was read: every row's last image is written, whatever stands there. At an entry that no chunk is newer than the newcomer's rows are exactly what the
// donor's were there, under every policy: no versions are compared. There the newcomer takes over what the donor's relay knew, and goes on as if it
// had merged everything itself.
//
// Why no chunk needs a lock, and none a version: a row that was changed after it was read is in the log, with its whole image. Two rows that were read at
// different times may have one unique value; the one that is deleted for the other has changed since, or will, and comes back with that change.
//
// Nothing is forgotten or trimmed that the newcomer needs: every region has it as a peer before it begins, and a peer that has shown nothing keeps
// the stable cut back. The numbers of the newcomer's log go on behind the entry.
//
// The newcomer may die at any moment and goes on: which rows have been copied, and how far the log has been done again, is in its store. That a step may be done
// twice does no harm.
package join
