package relaylog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// TestTailReaders has many readers follow both kinds of streams from before the first record.
func TestTailReaders(t *testing.T) {
	const readers, records = 12, 300
	db := open(t, t.TempDir(), relaylog.Options{CacheBytes: 64 << 10})
	defer mustClose(t, db)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() { follow(ctx, t, db, records) })
	}
	for n := range records {
		w := db.Local().Begin(ctx)
		w.Append([]byte(fmt.Sprint(n + 1)))
		if err := w.Commit(relay.Entry{Kind: relay.Frame}, relay.State{HLC: relay.HLC(n)}); err != nil {
			t.Fatal(err)
		}
		tw, err := db.Received(4).Begin(ctx, relay.Transaction{Origin: 4, Seq: relay.Seq(n + 1)})
		if err != nil {
			t.Fatal(err)
		}
		tw.Append([]byte(fmt.Sprint(n + 1)))
		if err := tw.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

func follow(ctx context.Context, t *testing.T, db *relaylog.DB, records int) {
	local, err := db.Local().Read(1)
	if err != nil {
		t.Error(err)
		return
	}
	defer local.Close()
	received, err := db.Received(4).Read(1)
	if err != nil {
		t.Error(err)
		return
	}
	defer received.Close()
	for n := range records {
		_, body, err := local.Next(ctx)
		checkNumber(t, n+1, body, err)
		_, body, err = received.Next(ctx)
		checkNumber(t, n+1, body, err)
		if t.Failed() {
			return
		}
	}
}

func checkNumber(t *testing.T, want int, body relay.Body, err error) {
	if err != nil {
		t.Error(err)
		return
	}
	if got, err := collect(body); err != nil || string(got) != fmt.Sprint(want) {
		t.Errorf("record %d has %q (%v)", want, got, err)
	}
}

// TestNextEnds has a waiting reader let go by its context and by Close.
func TestNextEnds(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{})
	c, err := db.Local().Read(1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, _, err := c.Next(ctx); !errors.Is(err, why) {
		t.Fatalf("a cancelled wait gave %v", err)
	}
	done := make(chan error)
	go func() {
		_, _, err := c.Next(t.Context())
		done <- err
	}()
	mustClose(t, db)
	if err := <-done; !errors.Is(err, relay.ErrClosed) {
		t.Fatalf("closing gave the waiting reader %v", err)
	}
}

// TestReceivedFollows refuses what does not follow, also before anything is durable.
func TestReceivedFollows(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{})
	defer mustClose(t, db)
	stream := db.Received(7)
	begin := func(origin relay.Region, seq relay.Seq, size int64) (relay.TransactionWriter, error) {
		return stream.Begin(t.Context(), relay.Transaction{Origin: origin, Seq: seq, Size: size})
	}
	for _, test := range []struct {
		origin relay.Region
		seq    relay.Seq
		want   string
	}{{7, 2, "hole: 1 comes next"}, {7, 0, "received before"}, {6, 1, "born in region 6"}} {
		if _, err := begin(test.origin, test.seq, 0); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("transaction %d of region %d gave %v", test.seq, test.origin, err)
		}
	}
	w, err := begin(7, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := begin(7, 1, 3); err == nil {
		t.Error("two transactions were open in one stream")
	}
	w.Append([]byte("no"))
	if err := w.Commit(); err == nil || !strings.Contains(err.Error(), "3 bytes were announced and 2 came") {
		t.Errorf("a torn transaction gave %v", err)
	}
	w.Discard()
	if w, err = begin(7, 1, 3); err != nil {
		t.Fatal(err)
	}
	w.Append([]byte("yes"))
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err == nil {
		t.Error("a transaction was committed twice")
	}
	if _, err := begin(7, 1, 0); err == nil {
		t.Error("a transaction was taken twice")
	}
	if w, err = begin(7, 2, 0); err != nil {
		t.Fatal(err)
	}
	w.Discard()
}

// TestReset lets a stream go on elsewhere, forward and backward.
func TestReset(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, relaylog.Options{})
	receive(t, db, 2, "one", "two", strings.Repeat("three", 200_000))
	for _, base := range []relay.Seq{100, 0, 1} {
		if err := db.Reset(t.Context(), 2, base); err != nil {
			t.Fatal(err)
		}
		s := db.Received(2)
		if s.First() != uint64(base)+1 || s.Last() != uint64(base) || s.Bytes() != 0 {
			t.Fatalf("after the reset to %d the stream is %d..%d with %d bytes", base, s.First(), s.Last(), s.Bytes())
		}
		receive(t, db, 2, "next")
		mustClose(t, db)
		db = open(t, dir, relaylog.Options{})
		tx, body, err := db.Received(2).Transaction(base + 1)
		if native, _ := collect(body); err != nil || tx.Seq != base+1 || string(native) != "next" {
			t.Fatalf("after the reset to %d it begins with %+v %q (%v)", base, tx, native, err)
		}
	}
	mustClose(t, db)
}

// TestCommitChecks refuses entries that contradict their place.
func TestCommitChecks(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{})
	defer mustClose(t, db)
	for name, test := range map[string]struct {
		entry relay.Entry
		state relay.State
	}{
		"wrong LSN":        {relay.Entry{LSN: 2}, relay.State{}},
		"wrong state":      {relay.Entry{}, relay.State{LSN: 7}},
		"wrong size":       {relay.Entry{Size: 4}, relay.State{}},
		"no sequence":      {relay.Entry{Kind: relay.Local}, relay.State{}},
		"another sequence": {relay.Entry{Kind: relay.Local, Seq: 2}, relay.State{Seq: 1}},
	} {
		w := db.Local().Begin(t.Context())
		if err := w.Append([]byte("xyz")); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(test.entry, test.state); err == nil {
			t.Errorf("%s: it was committed", name)
		}
		w.Discard()
	}
	if second := db.Local().Begin(t.Context()); db.Local().Begin(t.Context()).Append(nil) == nil {
		t.Error("two entries were open")
	} else {
		second.Discard()
	}
	if lsn := commit(t, db, []byte("x")); lsn != 1 {
		t.Errorf("the first entry is %d", lsn)
	}
}

// TestBigEntry streams 200 MB in and out.
func TestBigEntry(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 200 MB")
	}
	const size, piece = 200 << 20, 1 << 20
	dir := t.TempDir()
	db := open(t, dir, relaylog.Options{})
	heap := func() uint64 {
		runtime.GC() // a busy machine collects late
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	base, peak := heap(), uint64(0) // what earlier tests have left is in it
	watch := func() { peak = max(peak, heap()) }
	w := db.Local().Begin(t.Context())
	for i := range size / piece {
		if err := w.Append(bytes.Repeat([]byte{byte(i)}, piece)); err != nil {
			t.Fatal(err)
		}
		watch()
	}
	if err := w.Commit(relay.Entry{Kind: relay.Frame}, relay.State{}); err != nil {
		t.Fatal(err)
	}
	if err := db.Local().WaitDurable(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	c, err := db.Local().Read(1)
	if err != nil {
		t.Fatal(err)
	}
	e, body, err := c.Next(t.Context())
	if err != nil || e.Size != size {
		t.Fatalf("entry of %d bytes, %v", e.Size, err)
	}
	at := 0
	for chunk, err := range body {
		if err != nil {
			t.Fatal(err)
		}
		if chunk[0] != byte(at/piece) || chunk[len(chunk)-1] != byte((at+len(chunk)-1)/piece) {
			t.Fatalf("wrong bytes at %d", at)
		}
		at += len(chunk)
		watch()
	}
	if at != size || peak > base+100<<20 {
		t.Fatalf("read %d bytes with %d MiB in memory, after %d MiB before", at, peak>>20, base>>20)
	}
	t.Logf("peak heap %d MiB, %d MiB before", peak>>20, base>>20)
	mustClose(t, db)
}

// TestTrimDeletes looks below the log whether what was trimmed is gone, and what is needed is not.
func TestTrimDeletes(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, relaylog.Options{SegmentBytes: 256 << 10})
	defer func() { mustClose(t, db) }()
	for n := range 1200 {
		native := []byte("small")
		if n%300 == 0 {
			native = make([]byte, 600<<10)
		}
		w := db.Local().Begin(t.Context())
		w.Append(native)
		e := relay.Entry{Kind: relay.Local, Seq: relay.Seq(n + 1), Keys: []string{"shared", fmt.Sprintf("own%04d", n+1)}}
		if err := w.Commit(e, relay.State{Seq: e.Seq}); err != nil {
			t.Fatal(err)
		}
		if n%100 == 99 { // what is written together stands in one segment, however much it is
			if err := db.Local().WaitDurable(t.Context(), relay.LSN(n+1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := db.Local().Trim(1000); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Local().Read(999); !errors.Is(err, relay.ErrTrimmed) {
		t.Fatalf("reading what was trimmed gave %v", err)
	}
	if err := db.Tidy(); err != nil {
		t.Fatal(err)
	}
	if oldest, bytes := db.Segments(); oldest == 1 {
		t.Errorf("%d bytes are left, from segment %d on", bytes, oldest)
	}
	if lsn, err := db.Local().Floor("shared", "shared"); lsn != 1200 {
		t.Errorf("the shared key leads to %d, %v", lsn, err)
	}
	if _, err := db.Local().Floor("own", "own0500"); !errors.Is(err, relay.ErrNotFound) {
		t.Errorf("a trimmed key gave %v", err)
	}
}

// TestEvents hears of every entry once, in order, when it is visible.
func TestEvents(t *testing.T) {
	var db *relaylog.DB
	var heard []relay.LSN
	opts := relaylog.Options{Events: relaylog.Events{Durable: func(entries []relay.Entry) {
		for _, e := range entries {
			if db.Local().Last() < uint64(e.LSN) {
				t.Errorf("told of entry %d before it was visible", e.LSN)
			}
			heard = append(heard, e.LSN)
		}
	}}}
	db = open(t, t.TempDir(), opts)
	for range 100 {
		w := db.Local().Begin(t.Context())
		if err := w.Commit(relay.Entry{Kind: relay.Frame}, relay.State{}); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, db)
	for i, lsn := range heard {
		if lsn != relay.LSN(i+1) {
			t.Fatalf("heard of %v", heard)
		}
	}
	if len(heard) != 100 {
		t.Fatalf("heard of %d entries", len(heard))
	}
}

// TestWriteLimits refuses what does not fit into one write.
func TestWriteLimits(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{})
	defer mustClose(t, db)
	if err := db.Write(t.Context(), []relay.Pair{{Key: []byte("k"), Value: make([]byte, relay.MaxWrite)}}); err == nil {
		t.Error("more than the limit was written")
	}
	var pairs []relay.Pair
	for i := range 10_000 {
		pairs = append(pairs, relay.Pair{Key: fmt.Append(nil, "key", i), Value: make([]byte, 90)})
	}
	if err := db.Write(t.Context(), pairs); err != nil {
		t.Error(err)
	}
	if err := db.Write(t.Context(), []relay.Pair{{Key: []byte("k"), Value: make([]byte, relay.MaxWrite-1)}}); err != nil {
		t.Error(err)
	}
}

// TestFindWhileAppending looks for the newest entry, by key and by sequence, while others are appended: what is found must be visible, and what is visible
// must be found.
func TestFindWhileAppending(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{CacheBytes: 1, SegmentBytes: 64 << 10})
	defer mustClose(t, db)
	done := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		defer close(done)
		for n := range 3000 {
			w := db.Local().Begin(t.Context())
			e := relay.Entry{Kind: relay.Local, Seq: relay.Seq(n + 1), Keys: []string{fmt.Sprintf("g%08d", n+1)}}
			if err := errors.Join(w.Append([]byte("native")), w.Commit(e, relay.State{Seq: e.Seq})); err != nil {
				t.Error(err)
				return
			}
			if n%4 == 0 {
				db.Local().WaitDurable(t.Context(), relay.LSN(n+1))
			}
		}
	})
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		before := db.Local().Last()
		lsn, err := db.Local().Floor("g", "g99999999")
		if before > 0 && (err != nil || uint64(lsn) < before || uint64(lsn) > db.Local().Last()) {
			t.Fatalf("the newest key leads to %d (%v), between %d and %d", lsn, err, before, db.Local().Last())
		}
		if seq := db.State().Seq; seq > 0 {
			if lsn, err := db.Local().BySeq(seq); err != nil || uint64(lsn) != uint64(seq) {
				t.Fatalf("sequence %d is at %d: %v", seq, lsn, err)
			}
		}
	}
	writer.Wait()
}

// TestMappedPagesAreLetGo writes more facts than may stay resident.
func TestMappedPagesAreLetGo(t *testing.T) {
	released := make(chan struct{}, 1)
	db := open(t, t.TempDir(), relaylog.Options{Mapped: 1 << 20}.WithStep(func(name string) {
		if name == "released" {
			select {
			case released <- struct{}{}:
			default:
			}
		}
	}))
	defer mustClose(t, db)
	for range 2 {
		if err := db.Write(t.Context(), []relay.Pair{{Key: []byte("k"), Value: make([]byte, relay.MaxWrite-1)}}); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-released:
	case <-time.After(time.Minute):
		t.Fatal("the pages stay")
	}
}
