package relaylog_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

const (
	benchNative = 2200
	benchCount  = 50_000
)

// filler is half random, like row images are.
func filler(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := 0; i < n; i += 2 {
		b[i] = byte(r.Uint32())
	}
	return b
}

// appendBacklog commits count entries as fast as it can and waits for the last.
func appendBacklog(tb testing.TB, db *relaylog.DB, count int, native []byte) {
	tb.Helper()
	ctx := tb.Context()
	local := db.Local()
	st := db.State()
	for range count {
		w := local.Begin(ctx)
		for part := range 3 {
			if err := w.Append(native[part*len(native)/3 : (part+1)*len(native)/3]); err != nil {
				tb.Fatal(err)
			}
		}
		st.Seq++
		st.LSN++
		st.HLC++
		st.Position = relay.Position(fmt.Sprintf("0-1-%d;mariadb-bin.000001:%d", st.Seq, int(st.Seq)*len(native)))
		e := relay.Entry{
			Kind: relay.Local, HLC: st.HLC, Seq: st.Seq, Deps: make(relay.Vector, 9), Time: time.UnixMicro(int64(st.HLC)),
			GTID: fmt.Sprintf("0-1-%d", st.Seq), Position: st.Position, Flavour: "mariadb",
			Keys: []string{
				fmt.Sprintf("pmariadb-bin.000001\x00%08d", int(st.Seq)*len(native)), fmt.Sprintf("g0000%08d", st.Seq),
			},
		}
		if err := w.Commit(e, st); err != nil {
			tb.Fatal(err)
		}
	}
	if err := local.WaitDurable(ctx, st.LSN); err != nil {
		tb.Fatal(err)
	}
}

func open(tb testing.TB, dir string, opts relaylog.Options) *relaylog.DB {
	tb.Helper()
	db, err := relaylog.Open(dir, opts)
	if err != nil {
		tb.Fatal(err)
	}
	return db
}

// BenchmarkAppend captures a backlog of small transactions: one producer that does not wait, everything synced.
func BenchmarkAppend(b *testing.B) {
	native := filler(benchNative)
	var groups int
	b.SetBytes(benchNative * benchCount)
	for b.Loop() {
		b.StopTimer()
		db := open(b, b.TempDir(), relaylog.Options{Events: relaylog.Events{Synced: func(relaylog.Group) { groups++ }}})
		b.StartTimer()
		appendBacklog(b, db, benchCount, native)
		b.StopTimer()
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(groups)/float64(b.N), "syncs/op")
}

// BenchmarkPlainFile is the same with nothing but a file, a checksum and a sync every 4 MiB.
func BenchmarkPlainFile(b *testing.B) {
	native := filler(benchNative)
	b.SetBytes(benchNative * benchCount)
	for b.Loop() {
		if err := writePlain(filepath.Join(b.TempDir(), "log"), native); err != nil {
			b.Fatal(err)
		}
	}
}

func writePlain(name string, native []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	table := crc32.MakeTable(crc32.Castagnoli)
	var buf []byte
	for range benchCount {
		crc := crc32.Checksum(native, table)
		buf = append(append(buf, native...), byte(crc), byte(crc>>8), byte(crc>>16), byte(crc>>24))
		if len(buf) < 4<<20 {
			continue
		}
		if _, err := f.Write(buf); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		buf = buf[:0]
	}
	if _, err := f.Write(buf); err != nil {
		return err
	}
	return f.Sync()
}

// BenchmarkCommitWait is one small transaction at a time, each waited for.
func BenchmarkCommitWait(b *testing.B) {
	db := open(b, b.TempDir(), relaylog.Options{})
	defer db.Close()
	native := filler(benchNative)
	for b.Loop() {
		appendBacklog(b, db, 1, native)
	}
}

// BenchmarkRead reads a backlog: cold from the files (in the page cache), hot from memory.
func BenchmarkRead(b *testing.B) {
	db := open(b, b.TempDir(), relaylog.Options{})
	defer db.Close()
	appendBacklog(b, db, benchCount, filler(benchNative))
	b.Run("cold", func(b *testing.B) { readFrom(b, db, 1, benchCount-10_000) })
	b.Run("hot", func(b *testing.B) { readFrom(b, db, benchCount-4000, benchCount) })
}

func readFrom(b *testing.B, db *relaylog.DB, from, to relay.LSN) {
	b.SetBytes(int64(to-from+1) * benchNative)
	for b.Loop() {
		c, err := db.Local().Read(from)
		if err != nil {
			b.Fatal(err)
		}
		for range to - from + 1 {
			_, body, err := c.Next(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			for _, err := range body {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		c.Close()
	}
}
