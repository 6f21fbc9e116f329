package rendition_test

import (
	"errors"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/rendition"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// A reader is stopped where a table is another one than he was shown before, each time that he asks, and goes on when he comes again; relays may have been
// restarted meanwhile. Others do not matter.
func TestAlteredTables(t *testing.T) {
	wider := people
	wider.Columns = append(people.Columns[:4:4], logical.Column{Name: "more", Type: "integer", Form: logical.Integer})
	db := open(t, t.TempDir(), relaylog.Options{})
	defer db.Close()
	before, after := entry(&people, message('I', 'N', image("a", "1", "1", "NULL"))), entry(&wider, message('I', 'N', image("a", "1", "2", "NULL", "5")))
	write(t, db, before, before, after, after)

	// read returns the first entry that is refused, 0 if none is.
	read := func(v *rendition.View, from relay.LSN) relay.LSN {
		t.Helper()
		c, err := v.Read(from)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for lsn := from; lsn <= 4; lsn++ {
			_, _, err := c.Next(t.Context())
			var refused *rendition.Refusal
			if errors.As(err, &refused) && refused.Altered {
				return lsn
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return 0
	}
	begin := func(reader string, from relay.LSN) *rendition.View {
		t.Helper()
		l, err := rendition.New(rendition.Config{
			Flavour: binlog.MySQL, Log: db.Local(), Decoder: logical.NewDecoder(logical.NewTableCache()), Match: everything, Facts: db, Name: "test", UUID: uuid,
		})
		if err != nil {
			t.Fatal(err)
		}
		v := l.View(reader)
		if _, _, err := v.Open(from); err != nil {
			t.Fatal(err)
		}
		return v
	}
	v := begin("7", 1)
	if at := read(v, 1); at != 3 {
		t.Fatalf("refused at %d", at)
	}
	if at := read(v, 3); at != 3 {
		t.Fatalf("read again, refused at %d", at)
	}
	if at := read(begin("7", 3), 3); at != 0 {
		t.Errorf("come again, refused at %d", at)
	}
	if at := read(begin("8", 3), 3); at != 0 {
		t.Errorf("a new reader is refused at %d", at)
	}
	if at := read(begin("9", 2), 2); at != 3 {
		t.Errorf("another reader is refused at %d", at)
	}
	v = begin("7", 1)
	_, offset, err := v.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	if lsn, _, err := v.Find(t.Context(), rendition.FileOf(1), offset+5000); err == nil || !errors.Is(err, rendition.ErrPast) {
		t.Errorf("what is only counted is refused: %d, %v", lsn, err)
	}
}
