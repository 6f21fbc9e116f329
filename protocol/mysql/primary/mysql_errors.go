package primary

import (
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/gtid"
)

// What MySQL says; see sql/rpl_binlog_sender.cc and share/messages_to_clients.txt of 9.7.

// maxMessage is how much of an error a client takes; see MYSQL_ERRMSG_SIZE.
const maxMessage = 511

func errPurgedGTIDs(holds, missing gtid.Set) error {
	text := fmt.Sprintf("Cannot replicate because the source purged required binary logs. Replicate the missing transactions from elsewhere, or provision a new replica from backup. Consider increasing the source's binary log expiration period. The GTID set sent by the replica is '%s', and the missing transactions are '%s'", holds, missing)
	return fatal("%s", text[:min(len(text), maxMessage)])
}

// errMoreGTIDs is longer than a message can be, and cut by servers too.
func errMoreGTIDs() error {
	const text = "Replica has more GTIDs than the source has, using the source's SERVER_UUID. This may indicate that the the last binary log file was truncated or lost, e.g., after a power failure when sync_binlog != 1. The source may have rolled back transactions that were already replicated to the replica. Replicate any transactions that source has rolled back from replica to source, and/or commit empty transactions on source to account for transactions that have been committed on source but are not included in GTID_EXECUTED."
	return notYet("%s", text[:min(len(text), maxMessage)])
}

func (mySQL) unknownFile() error {
	return notYet("Could not find first log file name in binary log index file")
}

func (mySQL) impossible(string, uint64) error {
	return notYet("Client requested source to start replication from position < 4")
}

func (mySQL) pastEnd(string, uint64) error {
	return notYet("Client requested source to start replication from position > file size")
}

func (mySQL) insideEvent(file string, offset uint64) error {
	at := spot{file, offset}
	return fatal("binlog truncated in the middle of event; consider out of disk space on source%s", mySQLRange(at, at))
}

func (mySQL) noPurged(file string) error { return errNoFormat(file) }

func (mySQL) sameReplica(first, last spot) error {
	return fatal("A replica with the same server_uuid/server_id as this replica has connected to the source%s", mySQLRange(first, last))
}

func (mySQL) sameAsSource() error {
	return fatal("The replica I/O thread stops because source and replica have equal MySQL server ids; these ids must be different for replication to work (or the --replicate-same-server-id option must be used on replica but this does not always make sense; please check the manual before using it).")
}

// mySQLRange is what follows an error that comes after the dump has begun.
func mySQLRange(first, last spot) string {
	return fmt.Sprintf("; the first event '%s' at %d, the last event read from '%s' at %d, the last byte read from '%s' at %d.",
		first.file, first.offset, last.file, last.offset, last.file, last.offset)
}

// trimmed: a replica in file mode is told of its file, as there are no GTIDs to be named.
func (m mySQL) trimmed(d *dump) error {
	purged, err := mySQLBase(d.log)
	if !d.options.byGTID || err != nil {
		return fatal("Could not find first log file name in binary log index file")
	}
	return errPurgedGTIDs(d.options.holds, purged.Subtract(d.options.holds))
}
