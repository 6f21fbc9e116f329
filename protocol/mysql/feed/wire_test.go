package feed_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/protocol/mysql/feed"
	"github.com/octant-db/octant/relay"
)

func vector() *rapid.Generator[relay.Vector] {
	return rapid.Map(rapid.SliceOfN(rapid.Int64(), 1, 65), func(list []int64) relay.Vector {
		var v relay.Vector
		for _, h := range list {
			v = append(v, relay.HLC(h))
		}
		return v
	})
}

func message(t *rapid.T) relay.Message {
	switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); kind {
	case 0, 4:
		tx := &relay.Transaction{
			Origin: relay.Region(rapid.Byte().Draw(t, "origin")), Seq: relay.Seq(rapid.Uint64().Draw(t, "seq")),
			HLC: relay.HLC(rapid.Int64().Draw(t, "hlc")), Deps: vector().Draw(t, "deps"),
			Time: time.UnixMicro(rapid.Int64Range(1, 1<<50).Draw(t, "time")).UTC(),
			GTID: rapid.String().Draw(t, "gtid"), Flavour: "mariadb", Size: rapid.Int64().Draw(t, "size"),
		}
		if kind == 4 {
			return relay.Message{Ahead: tx}
		}
		return relay.Message{Transaction: tx}
	case 5:
		return relay.Message{Confirmed: relay.Seq(rapid.Uint64Min(1).Draw(t, "confirmed"))}
	case 1:
		return relay.Message{Chunk: rapid.SliceOfN(rapid.Byte(), 1, 1000).Draw(t, "chunk")}
	case 2:
		return relay.Message{Heartbeat: &relay.Heartbeat{
			Last: relay.Seq(rapid.Uint64().Draw(t, "last")), Promise: relay.HLC(rapid.Int64().Draw(t, "promise")),
			Announced: vector().Draw(t, "announced"), Received: []relay.Seq{1, 2}, Wall: rapid.Int64().Draw(t, "wall"),
		}}
	}
	return relay.Message{End: true}
}

func show(m relay.Message) string {
	return fmt.Sprint(m.Transaction, m.Ahead, m.Confirmed, m.Heartbeat, m.End, m.Chunk)
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := message(t)
		prefix := []byte("before")
		b, err := feed.AppendMessage(bytes.Clone(prefix), 7, m)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b, prefix) {
			t.Fatal("what stood before was changed")
		}
		event := b[len(prefix):]
		got, err := feed.Decode(event)
		if err != nil || show(got) != show(m) {
			t.Fatalf("%s came back as %s, %v", show(m), show(got), err)
		}
		i := rapid.IntRange(0, len(event)-1).Draw(t, "at")
		event[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := feed.Decode(event); err == nil {
			t.Fatalf("a flipped bit in byte %d was not noticed", i)
		}
	})
}

func TestHelloAndRequest(t *testing.T) {
	h := relay.Hello{Cluster: "shop", Name: "a", Region: 3, Store: "x'y", Protocol: relay.FeedProtocol}
	b, err := feed.AppendHello(nil, 7, h)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := feed.DecodeHello(b); err != nil || got != h {
		t.Errorf("%+v came back as %+v, %v", h, got, err)
	}
	if _, err := feed.Decode(b); err == nil {
		t.Error("an introduction was taken for a message")
	}
	request, err := feed.Request(h, relay.Want{Origin: 7, First: 42})
	if err != nil || !strings.HasSuffix(request, ", @octant_from = 42, @octant_origin = 7") {
		t.Fatal(request, err)
	}
	hex := strings.Split(request, "'")[1]
	for origin, want := range map[string]relay.Want{"7": {Origin: 7, First: 42}, "": {First: 42}} {
		if got, w, err := feed.ParseRequest(hex, "42", origin); err != nil || got != h || w != want {
			t.Errorf("request came back as %+v for %+v, %v", got, w, err)
		}
	}
	if _, _, err := feed.ParseRequest(hex, "42", "65"); err == nil {
		t.Error("the id 65 was taken")
	}
}

func TestChunkTooLong(t *testing.T) {
	if _, err := feed.AppendMessage(nil, 7, relay.Message{Chunk: make([]byte, feed.MaxChunk+1)}); err == nil {
		t.Error("was encoded")
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range []relay.Message{{End: true}, {Chunk: []byte("abc")}, {Heartbeat: &relay.Heartbeat{Last: 3}}, {Confirmed: 7}, {Ahead: &relay.Transaction{Seq: 2}}, {Transaction: &relay.Transaction{Seq: 1, Deps: relay.Vector{1, 2}}}} {
		b, err := feed.AppendMessage(nil, 7, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = feed.Decode(b)
		_, _ = feed.DecodeHello(b)
	})
}

func FuzzParseRequest(f *testing.F) {
	f.Add("0473686f70016103", "1", "")
	f.Add("", "", "4")
	f.Add("ff", "-1", "300")
	f.Fuzz(func(_ *testing.T, hello, from, origin string) { _, _, _ = feed.ParseRequest(hello, from, origin) })
}
