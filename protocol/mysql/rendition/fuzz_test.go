package rendition_test

import (
	"context"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/rendition"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// FuzzShow shows entries of any bytes: either they are refused, or what is shown is whole.
func FuzzShow(f *testing.F) {
	f.Add(entry(&people, message('I', 'N', image("Ann", "30", "1", "{}")), message('D', 'K', image("Ann", "?", "1", "?"))))
	f.Add([]byte{0, 0, 0, 1, logical.KindFrame})
	f.Add([]byte("\x00\x00\x00\x0aT\x00\x00\x00\x01\x00\x00\x00\x00\x07"))
	db := open(f, f.TempDir(), relaylog.Options{})
	f.Cleanup(func() { db.Close() })
	f.Fuzz(func(t *testing.T, native []byte) {
		if len(native) == 0 {
			return
		}
		write(t, db, native)
		for _, flavour := range []relay.Flavour{binlog.Flavour, binlog.MySQL} {
			show(t, logOf(t, db.Local(), flavour).View(""))
		}
	})
}

func show(t *testing.T, v *rendition.View) {
	last := relay.LSN(v.Last())
	if _, _, err := v.Open(last); err != nil {
		t.Fatal(err)
	}
	c, err := v.Read(last)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	e, body, err := c.Next(context.Background())
	if err != nil {
		return
	}
	size := int64(0)
	for event, err := range binlog.Events(body) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := binlog.VerifyChecksum(event); err != nil {
			t.Fatal(err)
		}
		size += int64(len(event))
	}
	if size != e.Size {
		t.Errorf("%d bytes, and %d were said", size, e.Size)
	}
}
