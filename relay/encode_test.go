package relay_test

import (
	"encoding"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/relay"
)

// noun is what has a binary form.
type noun interface {
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

var echoes = rapid.Custom(func(t *rapid.T) relay.Echo {
	return relay.Echo{Wall: rapid.Int64().Draw(t, "wall"), At: rapid.Int64().Draw(t, "at")}
})

var losses = rapid.Custom(func(t *rapid.T) relay.LostRegion {
	return relay.LostRegion{
		Region: regions.Draw(t, "region"), Name: texts.Draw(t, "name"), Store: texts.Draw(t, "store"),
		Survivor: relay.Survivor{Last: seqs.Draw(t, "last"), Level: rapid.Bool().Draw(t, "level")},
	}
})

var (
	seqs    = rapid.Custom(func(t *rapid.T) relay.Seq { return relay.Seq(rapid.Uint64().Draw(t, "seq")) })
	clocks  = rapid.Custom(func(t *rapid.T) relay.HLC { return relay.HLC(rapid.Int64().Draw(t, "hlc")) })
	regions = rapid.Custom(func(t *rapid.T) relay.Region { return relay.Region(rapid.Byte().Draw(t, "region")) })
	texts   = rapid.StringN(0, 40, 200)
	vectors = rapid.Custom(func(t *rapid.T) relay.Vector {
		return some(rapid.SliceOfN(clocks, 0, relay.MaxRegions+1).Draw(t, "vector"))
	})
	times = rapid.Custom(func(t *rapid.T) time.Time {
		us := rapid.Int64Range(-1e15, 4e15).Draw(t, "time")
		if us == 0 {
			return time.Time{}
		}
		return time.UnixMicro(us).UTC()
	})
	marks = rapid.Custom(func(t *rapid.T) *relay.Mark {
		if rapid.Bool().Draw(t, "no mark") {
			return nil
		}
		return &relay.Mark{
			Origin: regions.Draw(t, "origin"), Range: relay.Range{From: seqs.Draw(t, "from"), To: seqs.Draw(t, "to")},
			HLC: clocks.Draw(t, "mark"), Nonce: rapid.Uint64().Draw(t, "nonce"), Lane: rapid.IntRange(0, 1<<20).Draw(t, "lane"),
		}
	})
)

// some turns an empty list into none, as decoding does.
func some[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

var nouns = map[string]struct {
	draw  func(*rapid.T) noun
	empty func() noun
}{
	"Transaction": {func(t *rapid.T) noun {
		return &relay.Transaction{
			Origin: regions.Draw(t, "origin"), Seq: seqs.Draw(t, "seq"), HLC: clocks.Draw(t, "hlc"), Deps: vectors.Draw(t, "deps"),
			Time: times.Draw(t, "time"), GTID: texts.Draw(t, "gtid"), Flavour: relay.Flavour(texts.Draw(t, "flavour")),
			Size: rapid.Int64().Draw(t, "size"),
		}
	}, func() noun { return new(relay.Transaction) }},
	"Entry": {func(t *rapid.T) noun {
		return &relay.Entry{
			LSN: relay.LSN(seqs.Draw(t, "lsn")), Kind: relay.EntryKind(rapid.IntRange(1, 4).Draw(t, "kind")), HLC: clocks.Draw(t, "hlc"),
			Seq: seqs.Draw(t, "seq"), Deps: vectors.Draw(t, "deps"), Mark: marks.Draw(t, "mark"), Time: times.Draw(t, "time"),
			GTID: texts.Draw(t, "gtid"), Position: relay.Position(texts.Draw(t, "position")),
			Keys: some(rapid.SliceOfN(texts, 0, 4).Draw(t, "keys")), Flavour: relay.Flavour(texts.Draw(t, "flavour")),
			Size: rapid.Int64().Draw(t, "size"),
		}
	}, func() noun { return new(relay.Entry) }},
	"State": {func(t *rapid.T) noun {
		s := &relay.State{
			HLC: clocks.Draw(t, "hlc"), LSN: relay.LSN(seqs.Draw(t, "lsn")), Seq: seqs.Draw(t, "seq"),
			Position: relay.Position(texts.Draw(t, "position")),
		}
		for range rapid.IntRange(0, relay.MaxRegions+1).Draw(t, "seen") {
			s.Seen = append(s.Seen, relay.SeqHLC{Seq: seqs.Draw(t, "seq"), HLC: clocks.Draw(t, "hlc")})
		}
		return s
	}, func() noun { return new(relay.State) }},
	"Heartbeat": {func(t *rapid.T) noun {
		return &relay.Heartbeat{
			Last: seqs.Draw(t, "last"), Promise: clocks.Draw(t, "promise"), Announced: vectors.Draw(t, "announced"),
			Received: some(rapid.SliceOfN(seqs, 0, relay.MaxRegions+1).Draw(t, "received")), Wall: rapid.Int64().Draw(t, "wall"),
			Lost:   some(rapid.SliceOfN(losses, 0, relay.MaxRegions).Draw(t, "lost")),
			Echoes: some(rapid.SliceOfN(echoes, 0, relay.MaxRegions+1).Draw(t, "echoes")),
		}
	}, func() noun { return new(relay.Heartbeat) }},
	"Hello": {func(t *rapid.T) noun {
		return &relay.Hello{
			Cluster: texts.Draw(t, "cluster"), Name: texts.Draw(t, "name"), Region: regions.Draw(t, "region"),
			Store: texts.Draw(t, "store"), Protocol: rapid.IntRange(0, 1<<30).Draw(t, "protocol"),
			Oldest: rapid.IntRange(0, 1<<30).Draw(t, "oldest"),
			Rules:  texts.Draw(t, "rules"), Flavour: relay.Flavour(texts.Draw(t, "flavour")),
		}
	}, func() noun { return new(relay.Hello) }},
}

// TestBinaryForms reads back what was written, also with what a later release adds, and refuses what is cut off.
func TestBinaryForms(t *testing.T) {
	for name, n := range nouns {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want, got := n.draw(t), n.empty()
				b, err := want.AppendBinary([]byte("front"))
				if err != nil || string(b[:5]) != "front" {
					t.Fatalf("append: %v", err)
				}
				b = b[5:]
				if err := got.UnmarshalBinary(append(b[:len(b):len(b)], 1, 2, 3)); err != nil || !reflect.DeepEqual(got, want) {
					t.Fatalf("%+v came back as %+v (%v)", want, got, err)
				}
				cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut")
				if slices.Contains(ends(want, len(b)), cut) {
					return // what a release wrote that ends there
				}
				if err := n.empty().UnmarshalBinary(b[:cut]); !errors.Is(err, relay.ErrCorrupt) {
					t.Fatalf("%d of %d bytes gave %v", cut, len(b), err)
				}
			})
		})
	}
}

// ends are where the forms of earlier releases end.
func ends(n noun, size int) []int {
	if h, is := n.(*relay.Heartbeat); is {
		without := *h
		without.Echoes = nil
		lost, _ := without.AppendBinary(nil)
		without.Lost = nil
		none, _ := without.AppendBinary(nil)
		return []int{len(lost) - 1, len(none) - 2}
	}
	h, is := n.(*relay.Hello)
	if !is {
		return nil
	}
	flavour := size - len(binary.AppendUvarint(nil, uint64(len(h.Flavour)))) - len(h.Flavour)
	return []int{flavour, flavour - len(binary.AppendUvarint(nil, uint64(len(h.Rules)))) - len(h.Rules)}
}

// TestHelloWithoutRules reads the introduction of a release that knew no rules.
func TestHelloWithoutRules(t *testing.T) {
	want := relay.Hello{Cluster: "shop", Name: "b", Region: 2, Store: "s", Protocol: 1}
	b, err := want.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got relay.Hello
	if err := got.UnmarshalBinary(b[:len(b)-2]); err != nil || got != want {
		t.Errorf("read %+v (%v)", got, err)
	}
}

// fuzz feeds any bytes to a noun: it refuses them, or what it read is what it would write.
func fuzz(f *testing.F, name string) {
	n := nouns[name]
	for i := range 5 {
		b, _ := rapid.Custom(n.draw).Example(i).AppendBinary(nil)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		one, two := n.empty(), n.empty()
		if err := one.UnmarshalBinary(data); err != nil {
			if !errors.Is(err, relay.ErrCorrupt) {
				t.Fatalf("refused without saying that it is corrupt: %v", err)
			}
			return
		}
		b, err := one.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := two.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(one, two) {
			t.Fatalf("%+v came back as %+v (%v)", one, two, err)
		}
	})
}

func FuzzTransaction(f *testing.F) { fuzz(f, "Transaction") }
func FuzzEntry(f *testing.F)       { fuzz(f, "Entry") }
func FuzzState(f *testing.F)       { fuzz(f, "State") }
func FuzzHeartbeat(f *testing.F)   { fuzz(f, "Heartbeat") }
func FuzzHello(f *testing.F)       { fuzz(f, "Hello") }
