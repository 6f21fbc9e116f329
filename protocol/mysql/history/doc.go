// Package history answers questions about a relay log in the database's own words: which events stand in a file, what had been executed
// at a place, and whether a set of GTIDs or a place has been reached. Both flavours are read; the log's entries say which one theirs is.
//
// Places are counted in the source's files, by the sizes of the events, because the positions that events carry end at 4 GiB, and MariaDB
// since 11.4 leaves them out inside of transactions.
package history
