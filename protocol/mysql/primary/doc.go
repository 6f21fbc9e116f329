// Package primary is the server on listen.mysql. One port answers three kinds of clients:
//
//   - stock MariaDB replicas (10.11, 11.8) and mariadb-binlog, which are served the local stream as the database's own
//     primary would serve it: same file names, same offsets, same bytes, by GTID or by file and position;
//   - other relays, which subscribe to the transactions born here (package feed);
//   - people and tools with a mysql client, whose statements go to the [SQL] engine that is configured.
//
// What it promises to replicas: only whole event groups that are durable in the relay log, in log order, without hole or
// repeat; and ERR 1236 with the server's own words where it cannot keep that, because every other error makes a replica
// reconnect for ever without telling its operator.
//
// Two liberties are taken against a real server. A client that never set @master_binlog_checksum gets artificial events
// without checksum, but real ones as they stand in the file, with it: the format description says so. And clients that
// cannot read GTID events (@mariadb_slave_capability below 4) are refused instead of being served rewritten events.
//
// Login, TLS and the command phase are go-mysql's server package; the dump is written here. See
// https://mariadb.com/kb/en/replication-protocol/ for the conversation.
package primary
