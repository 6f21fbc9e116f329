package capture_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/relay"
)

// The texts are those of MariaDB 10.11 and MySQL 9.7.
func TestServerErrors(t *testing.T) {
	for _, c := range []struct {
		code    uint16
		message string
		want    error
	}{
		{1236, "Could not find first log file name in binary log index file", relay.ErrPurged},
		{1236, "Could not find GTID state requested by slave in any binlog files. Probably the slave state is too old and required binlog files have been purged.", relay.ErrPurged},
		{1236, "Cannot replicate because the source purged required binary logs. Replicate the missing transactions from elsewhere, or provision a new replica from backup.", relay.ErrPurged},
		{1236, "Client requested master to start replication from impossible position; the first event 'mariadb-bin.000001' at 900", relay.ErrDiverged},
		{1236, "Client requested source to start replication from position > file size", relay.ErrDiverged},
		{1236, "bogus data in log event; the first event 'bin.000001' at 160", relay.ErrDiverged},
		{1236, "log event entry exceeded max_allowed_packet; Increase max_allowed_packet on source", relay.ErrRefused},
		{1227, "Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s) for this operation", relay.ErrRefused},
		{1045, "Access denied for user", relay.ErrRefused},
	} {
		err := capture.ServerError(c.code, c.message)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%q became %v, want %v", c.message, err, c.want)
		}
	}
	for _, message := range []string{
		"A slave with the same server_uuid/server_id is already connected; the first event '' at 4",
		"A replica with the same server_uuid/server_id as this replica has connected to the source; the first event '' at 4",
	} {
		err := capture.ServerError(1236, message)
		if !strings.Contains(err.Error(), "give each its own") || errors.Is(err, relay.ErrDiverged) {
			t.Errorf("%q became %v", message, err)
		}
	}
}
