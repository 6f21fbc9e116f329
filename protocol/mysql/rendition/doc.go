// Package rendition shows the log of a database that writes no binlog as one: a stock replica of MariaDB or MySQL reads from it what the database did, as
// if a server of its own kind had done it.
//
//	Log      a relay log in the form of one flavour
//	View     that log as one reader sees it: a relay.LocalStream whose entries are binlog events
//	Layout   what a table is called over there: its columns' types, its description in the log, its CREATE TABLE
//	Refusal  why a transaction cannot be shown
//
// Every entry of the relay log is one transaction, frames and what is about excluded tables included: those are empty. So its number is its GTID:
//
//	MariaDB   0-<server>-<number of the entry>
//	MySQL     <uuid>:<number of the entry>
//
// where server and uuid are made of the relay log's own name. A GTID says where to go on, with no index and no search, and means nothing
// in another log.
//
// # Files
//
// A file is named after its first entry, begins with that entry's predecessors (GTID_LIST, PREVIOUS_GTIDS), and ends where it has become long enough. So a name
// and an offset are found again by counting from the name on, and mean the same bytes at any time, after restarts too, as long as the relay log has the file's
// first entry and the same tables are excluded. Any entry can begin a file, and for a reader who comes by GTID the first one that he needs does. What he is
// sent has the offsets of that file.
//
// The same entry at the same place is always the same bytes: nothing here depends on the time, the process or who reads.
//
// # Rows
//
// Values go over by package values, exactly or not at all: a value that has no counterpart is a Refusal, and ends the reader's stream there. Tables are made
// up from what the database's log says of them, each column in the type that holds as many of its values as any. Images before a change have the primary key
// and what else is known; TABLE_MAP has full metadata. TRUNCATE is a DELETE of all rows, because it may stand among other changes.
package rendition
