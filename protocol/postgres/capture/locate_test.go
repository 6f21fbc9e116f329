package capture_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/postgres/capture"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// TestWhereACopyWasMade: everything that the copy may lack comes from the entry that is found on.
func TestWhereACopyWasMade(t *testing.T) {
	for name, c := range map[string]struct {
		positions []string // system:timeline:lsn of the entries
		at        string
		first     relay.LSN
		err       string
	}{
		"between two":               {[]string{"7:1:0/100", "7:1:0/200", "7:1:0/300"}, "0/250", 3, ""},
		"at the end of one":         {[]string{"7:1:0/100", "7:1:0/200", "7:1:0/300"}, "0/200", 3, ""},
		"behind all":                {[]string{"7:1:0/100", "7:1:0/200"}, "0/999", 3, ""},
		"of the server before":      {[]string{"7:1:0/900", "8:1:0/100", "8:1:0/200"}, "0/50", 0, "begins behind 0/50"},
		"numbers of the one before": {[]string{"7:1:0/900", "8:1:0/100", "8:1:0/200"}, "0/150", 3, ""},
		"another timeline":          {[]string{"7:1:0/900", "7:2:0/1100"}, "0/950", 0, "begins behind"},
		"before the log":            {[]string{"7:1:0/100", "7:1:0/200"}, "0/50", 0, "begins behind"},
		"no LSN":                    {[]string{"7:1:0/100"}, "bin.000001:4", 0, "is no LSN"},
		"an empty log":              {nil, "0/100", 0, "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			log := logOf(t, c.positions)
			first, err := capture.Locate(log, c.at)
			if c.err == "" && (err != nil || first != c.first) {
				t.Errorf("%d, %v; want %d", first, err, c.first)
			}
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("%d, %v; want an error with %q", first, err, c.err)
			}
		})
	}
}

// logOf is a relay log with an entry for each position.
func logOf(t *testing.T, positions []string) relay.LocalStream {
	t.Helper()
	db, err := relaylog.Open(t.TempDir(), relaylog.Options{Identity: "d"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for i, at := range positions {
		lsn := relay.LSN(i + 1)
		w := db.Local().Begin(t.Context())
		if err := w.Append([]byte("x")); err != nil {
			t.Fatal(err)
		}
		p := relay.Position(fmt.Sprintf("pg:%s:shop", at))
		if err := w.Commit(relay.Entry{LSN: lsn, Kind: relay.Frame, Size: 1, Position: p}, relay.State{LSN: lsn, Position: p}); err != nil {
			t.Fatal(err)
		}
		if err := db.Local().WaitDurable(t.Context(), lsn); err != nil {
			t.Fatal(err)
		}
	}
	return db.Local()
}
