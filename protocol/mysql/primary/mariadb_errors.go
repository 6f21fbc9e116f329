package primary

import "github.com/go-mysql-org/go-mysql/mysql"

// What MariaDB says; see sql/sql_repl.cc and sql/share/errmsg-utf8.txt of 10.11.

func errPurged() error {
	return fatal("Could not find GTID state requested by slave in any binlog files. Probably the slave state is too old and required binlog files have been purged.")
}

func errAhead(gtid string) error {
	return notYet("Error: connecting slave requested to start from GTID %s, which is not in the master's binlog", gtid)
}

func errDiverged(gtid string) error {
	return fatal("Error: connecting slave requested to start from GTID %s, which is not in the master's binlog. Since the master's binlog contains GTIDs with higher sequence numbers, it probably means that the slave has diverged due to executing extra erroneous transactions", gtid)
}

func errBadGTIDs() error { return mysql.NewError(erIncorrectGTIDList, "Could not parse GTID list") }

func errOldClient() error {
	return fatal("This relay serves GTID events, which the client cannot read. Use MariaDB 10.0 or later (@mariadb_slave_capability=4)")
}

func (mariaDB) unknownFile() error {
	return notYet("Could not find first log file name in binary log index file")
}

func (mariaDB) impossible(file string, offset uint64) error {
	return notYet("Client requested master to start replication from impossible position; the first event '%s' at %d, the last event read from '%s' at 4, the last byte read from '%s' at 4.", file, offset, file, file)
}

func (m mariaDB) pastEnd(file string, offset uint64) error { return m.impossible(file, offset) }

func (mariaDB) insideEvent(file string, offset uint64) error {
	return fatal("binlog truncated in the middle of event; consider out of disk space on master; the first event '%s' at %d, the last event read from '%s' at %d, the last byte read from '%s' at %d.", file, offset, file, offset, file, offset)
}

func (mariaDB) noPurged(file string) error { return errNoFormat(file) }

func (mariaDB) sameReplica(spot, spot) error {
	return mysql.NewError(erSlaveSameID, "A slave with the same server_uuid/server_id is already connected")
}

func (mariaDB) sameAsSource() error {
	return fatal("The slave I/O thread stops because master and slave have equal MariaDB server ids; these ids must be different for replication to work (or the --replicate-same-server-id option must be used on slave but this does not always make sense; please check the manual before using it).")
}

func (mariaDB) trimmed(*dump) error { return errPurged() }
