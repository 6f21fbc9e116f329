package primary_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// bare is an event of that many bytes.
func bare(size int) []byte {
	event := make([]byte, size)
	binary.LittleEndian.PutUint32(event[9:], uint32(size))
	return event
}

// TestWhereACopyWasMade: everything that the copy may lack comes from the entry that is found on.
func TestWhereACopyWasMade(t *testing.T) {
	db, err := relaylog.Open(t.TempDir(), relaylog.Options{Identity: "d"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	log := db.Local()
	writeEntry(t, log, "bin.000002", 100, "", bare(50))
	writeEntry(t, log, "bin.000002", 150, "", bare(30), bare(70))
	writeEntry(t, log, "bin.000003", 4, "", bare(46))
	writeEntry(t, log, "bin.000003", 50, "", bare(50))
	for _, c := range []struct {
		place string
		first relay.LSN
		err   string
	}{
		{"bin.000002:100", 1, ""},
		{"bin.000002:150", 2, ""},
		{"bin.000002:180", 2, ""}, // in the midst of a group: all of it is done again
		{"bin.000002:250", 3, ""},
		{"bin.000003:4", 3, ""},
		{"bin.000003:100", 5, ""},
		{"bin.000002:170", 0, "no event begins at 170"},
		{"bin.000002:99", 0, "begins later"},
		{"bin.000001:4", 0, "begins later"},
		{"bin.000003:101", 0, "up to 100 only"},
		{"bin.000003", 0, "write FILE:OFFSET"},
		{":100", 0, "write FILE:OFFSET"},
		{"bin.000003:-4", 0, "write FILE:OFFSET"},
		{"bin.000003:3", 0, "write FILE:OFFSET"},
	} {
		first, err := primary.Locate(log, c.place)
		if c.err == "" && (err != nil || first != c.first) {
			t.Errorf("%s: %d, %v; want %d", c.place, first, err, c.first)
		}
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %d, %v; want an error with %q", c.place, first, err, c.err)
		}
	}
}
