// Package capture reads a MariaDB or MySQL server's binary log as a registered replica and hands it, byte for byte, to a
// [relay.Recorder]. It is the [relay.Source] of MariaDB 10.11 and later and of MySQL 8.0 and later with gtid_mode=ON.
//
//	connect ─► check the saved position ─► dump ─► packets ─► events ─► groups ─► Recorder
//
// What it promises:
//
//   - Entries in the order of the log, each a whole event group or a single frame, without hole or repeat. The bytes of a
//     file's entries, one after the other, are the file after its four magic bytes.
//   - Every event's CRC32 was right. Its place is counted by adding sizes up and compared with the position in its header
//     where there is one: from MariaDB 11.4 on events inside of transactions have none.
//   - Nothing is ever skipped in silence. Before it goes on, the server must show that its log contains what was read of it: the file
//     at least as long as what was read, and of MariaDB the GTIDs in @@gtid_binlog_state and BINLOG_GTID_POS(file, offset) equal to
//     the saved GTID set; of MySQL the last group at its offset, and the saved set in @@gtid_executed, but for what is being committed.
//     So a server that was restored from a backup, was reset, or lost the tail of its log is [relay.ErrDiverged], and a log that
//     is gone is [relay.ErrPurged]. At each new file its GTID_LIST or PREVIOUS_GTIDS is compared too.
//
// It goes on by file and offset, not by GTID: that leaves no hole between two groups, where frames stand, and with the
// check above it proves more than a dump by GTID, for which servers compare sequences only.
//
// A position names its server: server_uuid, or MariaDB's server_id. If another server answers, a promoted replica, it must have
// everything that was read. Its log is read from the beginning of the file where what is missing begins; that file's first frames are
// handed on, and of its groups those that are new. From then on everything is as before.
//
// What differs between the two engines is behind dialect, what is said before a dump, and journal, how transactions are named: files
// mariadb*.go and mysql*.go. The conversations are those of the servers' own replicas: MariaDB's sql/slave.cc
// get_master_version_and_clock and register_slave_on_master, MySQL's sql/rpl_replica.cc get_source_version_and_clock.
package capture
