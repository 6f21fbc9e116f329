// Package capture reads a MariaDB server's binary log as a registered replica and hands it, byte for byte, to a
// [relay.Recorder]. It is the [relay.Source] of MariaDB 10.11 and later.
//
//	connect ─► check the saved position ─► dump ─► packets ─► events ─► groups ─► Recorder
//
// What it promises:
//
//   - Entries in the order of the log, each a whole event group or a single frame, without hole or repeat. The bytes of a
//     file's entries, one after the other, are the file after its four magic bytes.
//   - Every event's CRC32 was right. Its place is counted by adding sizes up and compared with the position in its header
//     where there is one: from MariaDB 11.4 on events inside of transactions have none.
//   - Nothing is ever skipped in silence. Before it goes on, the server must show that its log contains what was read of it:
//     the GTIDs in @@gtid_binlog_state, the file at least as long as what was read, and BINLOG_GTID_POS(file, offset) equal to
//     the saved GTID set. So a server that was restored from a backup, was reset, or lost the tail of its log is
//     [relay.ErrDiverged], and a log that is gone is [relay.ErrPurged]. At each new file its GTID_LIST is compared too.
//
// It goes on by file and offset, not by GTID: that leaves no hole between two groups, where frames stand, and with the
// check above it proves more than a dump by GTID, for which servers compare sequences only.
//
// The conversation is that of MariaDB's own replica: sql/slave.cc get_master_version_and_clock and register_slave_on_master.
package capture
