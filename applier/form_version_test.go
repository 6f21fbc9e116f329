package applier_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

// former has the store be one of a release that wrote no version.
func (b *bed) former() {
	b.t.Helper()
	b.write(relay.Pair{Key: []byte("f")})
}

func (b *bed) write(pairs ...relay.Pair) {
	b.t.Helper()
	if err := b.store.Write(b.t.Context(), pairs); err != nil {
		b.t.Fatal(err)
	}
}

// opens makes another applier over the store.
func (b *bed) opens() error {
	b.target = &target{d: b.d}
	_, err := applier.New(applier.Config{Self: self, Log: b.log, Store: b.store, Target: b.target, Table: parseTable, Clock: b.clock}, nil)
	return err
}

// TestFormerFormIsTakenUp: a relay goes on with what a former release has left, and says from then on that it has the new form.
func TestFormerFormIsTakenUp(t *testing.T) {
	b := newBed(t, 2).start()
	b.receive(2, now(), nil, insert("1|u|x"), line("app.p", "", "1||p"), line("app.c", "", "1||1"))
	b.settle()
	b.halt()
	b.former()
	b.start()
	b.receive(2, now(), nil, update("1|u|x", "1|u|y"))
	b.converged()
	if v, err := b.store.Get([]byte("f")); err != nil || binary.BigEndian.Uint32(v) != applier.FormVersion {
		t.Errorf("the store says %x, %v", v, err)
	}
}

// TestOtherFormsAreRefused: one of a newer release, and one of a former release that has what means something else now. Both say what to do, and nothing is changed.
func TestOtherFormsAreRefused(t *testing.T) {
	b := newBed(t, 2).start()
	b.receive(2, now(), nil, line("app.d", "", "1||7"))
	b.settle()
	b.halt()
	if err := b.opens(); err != nil {
		t.Fatal(err)
	}
	b.write(relay.Pair{Key: []byte("f"), Value: binary.BigEndian.AppendUint32(nil, applier.FormVersion+1)})
	if err := b.opens(); err == nil || !strings.Contains(err.Error(), "written by a newer octant") {
		t.Errorf("a newer form: %v", err)
	}
	b.write(relay.Pair{Key: []byte("f"), Value: binary.BigEndian.AppendUint32(nil, 1)})
	if err := b.opens(); err == nil {
		t.Error("a version that nobody has written was taken")
	}
	b.write(relay.Pair{Key: []byte("f"), Value: []byte("?")})
	if err := b.opens(); err == nil {
		t.Error("a version that is cut short was taken")
	}
	b.former()
	for pair, err := range b.store.Scan([]byte("v"), nil) { // as the former release named the ties
		if err != nil {
			t.Fatal(err)
		}
		var text string
		for i, name := range []string{divided.Name(), divided.Rival().Name()} {
			undivided := []relay.Tie{divided, divided.Rival()}[i]
			undivided.Divided = false
			if text == "" {
				text = string(pair.Value)
			}
			text = retold(t, text, name+"7", undivided.Name()+"7")
		}
		b.write(relay.Pair{Key: append([]byte{}, pair.Key...), Value: []byte(text)})
	}
	if err := b.opens(); err == nil || !strings.Contains(err.Error(), "run that one again") {
		t.Errorf("a former form with ties of both kinds: %v", err)
	}
}

// retold puts a text with its length in front in the place of another one.
func retold(t *testing.T, record, was, is string) string {
	t.Helper()
	sized := func(s string) string { return string(binary.AppendUvarint(nil, uint64(len(s)))) + s }
	if !strings.Contains(record, sized(was)) {
		t.Fatalf("the register does not have %q", was)
	}
	return strings.ReplaceAll(record, sized(was), sized(is))
}
