// Package gtid knows MySQL's global transaction identifiers and sets of them, with holes and tags, as text and in the two binary
// forms of the protocol. It does no I/O. MariaDB's GTIDs are another thing: see package binlog.
//
//	3e11fa47-71ca-11e1-9e33-c80aa9429562:23            a transaction: the server that it was born at, and its number
//	3e11fa47-71ca-11e1-9e33-c80aa9429562:nightly:23    the same with a tag (MySQL 8.3 and later): numbers count per server and tag
//	3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:11:nightly:1-3
//
// The forms are those of MySQL's sql/rpl_gtid_set.cc and libs/mysql/gtid; text is described at
// https://dev.mysql.com/doc/refman/9.0/en/replication-gtids-concepts.html.
//
// Bytes and text from outside never panic, and cost no more memory than their own size allows.
package gtid
