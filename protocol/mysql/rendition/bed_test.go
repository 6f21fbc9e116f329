package rendition_test

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/rendition"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

const uuid = "11111111-2222-3333-4444-555555555555"

// fataler is a test or a property.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// open opens a relay log.
func open(t fataler, dir string, o relaylog.Options) *relaylog.DB {
	t.Helper()
	o.MinFree = -1
	db, err := relaylog.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// write puts entries into a log, frames where there is nothing.
func write(t fataler, db *relaylog.DB, entries ...[]byte) {
	t.Helper()
	ctx := context.Background()
	for _, native := range entries {
		state := db.State()
		state.LSN++
		w := db.Local().Begin(ctx)
		e := relay.Entry{Kind: relay.History, Time: time.UnixMicro(1_700_000_000_123_456 + int64(state.LSN)), Flavour: logical.Flavour}
		if native == nil {
			e.Kind, native = relay.Frame, logical.AppendMessage(nil, []byte{logical.KindFrame}, nil)
		}
		err := w.Append(native)
		if err == nil {
			err = w.Commit(e, state)
		}
		if err == nil {
			err = db.Local().WaitDurable(ctx, state.LSN)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// everything is shown but what is in schema octant.
func everything(schema, _ string) bool { return schema != "octant" }

func logOf(t fataler, stream relay.LocalStream, flavour relay.Flavour) *rendition.Log {
	t.Helper()
	l, err := rendition.New(rendition.Config{
		Flavour: flavour, Log: stream, Decoder: logical.NewDecoder(logical.NewTableCache()), Match: everything, Name: "test", UUID: uuid,
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// file is what of a log stands in the file that begins with an entry, without the magic bytes, and where each entry begins.
func file(t fataler, l *rendition.Log, first relay.LSN) (raw []byte, begins []int) {
	t.Helper()
	v := l.View("")
	name, offset, err := v.Open(first)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = l.Head(name); err != nil {
		t.Fatal(err)
	}
	if offset != 4+uint64(len(raw)) {
		t.Fatalf("the first entry is at %d, behind %d bytes", offset, len(raw))
	}
	c, err := v.Read(first)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for lsn := first; uint64(lsn) <= v.Last(); lsn++ {
		e, body, err := c.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if _, at, err := binlog.ParsePositionKey(e.Keys[0]); err != nil || at != 4+uint64(len(raw)) {
			t.Fatalf("entry %d is at %d, behind %d bytes: %v", lsn, at, len(raw), err)
		}
		begins = append(begins, len(raw))
		for piece, err := range body {
			if err != nil {
				t.Fatal(err)
			}
			raw = append(raw, piece...)
		}
		if n := int64(len(raw) - begins[len(begins)-1]); n != e.Size {
			t.Fatalf("entry %d has %d bytes, and %d were said", lsn, n, e.Size)
		}
	}
	return raw, begins
}

// message is a row of relation 7 in pgoutput's form.
func message(kind byte, parts ...any) []byte {
	b := binary.BigEndian.AppendUint32([]byte{kind}, 7)
	for _, p := range parts {
		switch p := p.(type) {
		case rune:
			b = append(b, byte(p))
		case relay.Image:
			b = append(b, p...)
		}
	}
	return b
}

// entry joins messages, the table's description in front.
func entry(d *logical.Description, messages ...[]byte) []byte {
	b := logical.Describe{OID: 7, Identity: 'd', Native: d.Append(nil)}.Append(nil)
	for _, m := range messages {
		b = logical.AppendMessage(b, m, nil)
	}
	return b
}

// image makes an image of texts: NULL and ? mean what they say.
func image(texts ...string) relay.Image {
	list := make([]logical.Cell, len(texts))
	for i, text := range texts {
		list[i] = logical.Cell{Kind: logical.IsText, Text: []byte(text)}
		switch text {
		case "NULL":
			list[i] = logical.Cell{Kind: logical.IsNull}
		case "?":
			list[i] = logical.Cell{Kind: logical.IsAbsent}
		}
	}
	return logical.AppendImage(nil, list)
}

// both runs a test for each flavour.
func both(t *testing.T, test func(t *testing.T, flavour relay.Flavour)) {
	for _, flavour := range []relay.Flavour{binlog.Flavour, binlog.MySQL} {
		t.Run(string(flavour), func(t *testing.T) { test(t, flavour) })
	}
}
