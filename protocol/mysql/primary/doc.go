// Package primary is the server on listen.mysql. One port answers three kinds of clients:
//
//   - stock replicas of the database's own kind and the tools that read like them (MariaDB 10.11 and 11.8 with mariadb-binlog, MySQL 9.7
//     with mysqlbinlog), which are served the local stream as the database's own primary would serve it: same file names, same offsets,
//     same bytes, by GTID or by file and position, semi-synchronously if they ask for that;
//   - other relays, which subscribe to the transactions born here (package feed);
//   - people and tools with a mysql client, whose statements go to the [SQL] engine that is configured.
//
// What it promises to replicas: only whole event groups that are durable in the relay log, in log order, without hole or
// repeat; and ERR 1236 with the server's own words where it cannot keep that, because every other error makes a replica
// reconnect for ever without telling its operator.
//
// What MariaDB and MySQL do differently stands behind the interface dialect, in files that begin with mariadb_ and mysql_. A relay log
// holds entries of one of them; replicas of the other kind are refused. The tests compare what is sent with real servers, byte for byte.
//
// A log that has no binlog events is shown as if it had, to replicas of both kinds: see [Config.Renditions], and package rendition. What is different
// then is in view.go and either.go.
//
// # How a dump runs
//
//	groups     where to begin, and which groups are left out
//	browser    takes batches of entries off the shelf, and reads those that are not there, one ahead
//	shelf      keeps the batches that were read last, for replicas that are near each other
//	together   keeps replicas near each other while that costs none of them more than its allowance
//	window     memory that the log is read into, used again when everybody has been sent what is in it
//	large      entries above half a MiB, piece by piece, shared in the same way
//	packets    frames events, and writes a quarter of a MiB at a time
//
// A replica that takes nothing for WriteTimeout is cut off, with an error if it can still be said between two packets. Nobody waits for it
// but its own goroutine.
//
// # Semi-synchronous replicas
//
// A replica that asks for it gets the header in front of every event, and is asked to acknowledge the last group of the log whenever it has
// caught up. What it acknowledges is shown, see [Connection]; the relay waits for nobody: what it has sent is on its own disk, and that is what
// it acknowledges to its source.
//
// # Liberties
//
// A client of MariaDB that never set @master_binlog_checksum gets artificial events without checksum, but real ones as they stand in the
// file, with it: the format description says so. Clients that cannot read GTID events (@mariadb_slave_capability below 4) are refused instead of
// being served rewritten events. Prepared statements are put together and executed as texts.
//
// Login, TLS and the command phase are go-mysql's server package; the dump is written here. See
// https://mariadb.com/kb/en/replication-protocol/ and
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication.html for the conversation.
package primary
