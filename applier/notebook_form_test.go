package applier_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

// TestConflictsOfTheFormerFormAreRead: a relay of form 2 wrote conflicts as JSON. They are shown as they were beside new ones, can still be taken out again, and the Store says form 3 from then on.
func TestConflictsOfTheFormerFormAreRead(t *testing.T) {
	b := newBed(t, 2).start()
	b.d.local("1||a", "2||a")
	b.settle()
	b.receive(2, b.d.clock()-1e6, nil, insert("1||b"))
	b.converged()
	before := gist(b.conflicts())
	b.halt()
	b.formerConflicts()
	b.write(relay.Pair{Key: []byte("f"), Value: binary.BigEndian.AppendUint32(nil, 2)})
	b.start().settle()
	if after := gist(b.conflicts()); after != before {
		t.Fatalf("of the former form:\n%swas:\n%s", after, before)
	}
	b.receive(2, b.d.clock()-1e6, nil, insert("2||b"))
	b.converged()
	if err := b.a.SaveConflicts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := gist(b.conflicts()); strings.Count(after, "\n") != 2 || !strings.Contains(after, before) {
		t.Errorf("with a new one:\n%s", after)
	}
	if v, err := b.store.Get([]byte("f")); err != nil || binary.BigEndian.Uint32(v) != applier.FormVersion {
		t.Errorf("the store says %x, %v", v, err)
	}
}

// formerConflicts has all saved conflicts be as form 2 had them.
func (b *bed) formerConflicts() {
	b.t.Helper()
	n := 0
	for pair, err := range b.store.Scan([]byte("c"), nil) {
		if err != nil {
			b.t.Fatal(err)
		}
		if strings.HasPrefix(string(pair.Value), "{") {
			b.t.Fatal("a conflict is saved as JSON")
		}
		c, err := applier.DecodeNote(pair.Value)
		if err != nil {
			b.t.Fatal(err)
		}
		data, err := json.Marshal(c)
		if err != nil {
			b.t.Fatal(err)
		}
		b.write(relay.Pair{Key: bytes.Clone(pair.Key), Value: data})
		n++
	}
	if n == 0 {
		b.t.Fatal("no conflict is saved")
	}
}

// TestConflictsAreSavedWhole: what is compressed is what comes out, also where a row is missing, and what was cut short is told.
func TestConflictsAreSavedWhole(t *testing.T) {
	for _, images := range [][3]string{{"", "", ""}, {`{"v":"ß"}`, "", ""}, {"", `{"v":"\\"}`, "i"}, {strings.Repeat("l", 40_000), strings.Repeat("r", 300), strings.Repeat("i\x00", 8000)}} {
		data, err := applier.EncodeNote(images)
		if err != nil {
			t.Fatal(err)
		}
		c, err := applier.DecodeNote(data)
		if err != nil || c.Local != images[0] || c.Remote != images[1] || string(c.Image) != images[2] || c.Key != `{"id":1}` {
			t.Errorf("%.50v came back as %.50v, %v", images, c, err)
		}
		if (c.Image == nil) != (images[2] == "") {
			t.Errorf("the image came back as %#v", c.Image)
		}
		for _, short := range [][]byte{data[:1], data[:len(data)-1], {}} {
			if _, err := applier.DecodeNote(short); err == nil {
				t.Errorf("%d of %d bytes were taken", len(short), len(data))
			}
		}
	}
}
