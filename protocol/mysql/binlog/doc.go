// Package binlog reads and writes the bytes of MariaDB's and MySQL's binary logs, version 4. It does no I/O.
//
// An event, as it stands in the file and travels in a dump, is
//
//	+-----------+------+-----------+------+---------+-------+------------------+-------+
//	| timestamp | type | server id | size | log pos | flags | body             | CRC32 |
//	| 4         | 1    | 4         | 4    | 4       | 2     | size - 19 - 4    | 4     |
//	+-----------+------+-----------+------+---------+-------+------------------+-------+
//
// all little endian. This package demands binlog_checksum=CRC32: every event that it parses ends with its checksum.
// The format is described in MariaDB's sources, sql/log_event.h, at https://mariadb.com/kb/en/replication-protocol/, and in
// MySQL's sources, libs/mysql/binlog/event. What only MySQL has is in the files mysql_*.go; events and column types of the two have
// different numbers, so that one Decoder reads both. Only table descriptions must be told apart: NewTableCache and NewMySQLTableCache.
//
// The parts, from the bytes upwards:
//
//	Header, VerifyChecksum, Events     one event, and many in a stream
//	ParseRotate, ParseGTID, …          what events say
//	FakeRotate, Heartbeat, …           events that a primary makes for one connection
//	GTID, Set, Position                places in the log; MySQL's GTIDs are in package gtid
//	Payload                            the events of a compressed transaction of MySQL's
//	TableCache, Rows                   what changed, without decoding values
//	Decoder                            a transaction's changes, as package relay has them
//	Schema, Columns                    values of row images, all or some
//	RowsBuilder, AppendStatement       row images back into events, for BINLOG statements
//	AppendLiteral, AppendJSON          values as SQL and for people
//
// What a table map does not say is not known here: UUID, INET4 and INET6 columns look like BINARY and have that kind, with
// their bytes in text and network order, and JSON looks like LONGTEXT. Their values are exact all the same.
//
// Bytes that come from outside never panic: they give errors, which never contain values of rows.
package binlog
