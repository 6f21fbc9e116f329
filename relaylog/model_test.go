package relaylog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

const other = relay.Region(3)

// model is a relay log that keeps everything in memory, and the real one that must agree with it.
type model struct {
	dir  string
	db   *relaylog.DB
	rand *rand.Rand

	first    relay.LSN
	entries  []relay.Entry // entries[i] is LSN i+1, trimmed ones too
	natives  [][]byte
	state    relay.State
	received []relay.Transaction
	bodies   [][]byte
	recFirst relay.Seq
	ahead    []relay.Transaction // sent ahead and not confirmed
	aheads   [][]byte
	pairs    map[string]string
}

// TestModel does random things to a log and to a model of it.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{
			dir: t.TempDir(), first: 1, recFirst: 1, pairs: make(map[string]string),
			rand: rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0)),
		}
		m.open(rt)
		defer func() { m.db.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"commit":    m.commit,
			"discard":   m.discard,
			"receive":   m.receive,
			"ahead":     m.receiveAhead,
			"confirm":   m.confirm,
			"take back": m.takeBack,
			"promise":   m.promise,
			"write":     m.write,
			"trim":      m.trim,
			"reopen":    m.reopen,
			"":          m.check,
		})
		m.reopen(rt)
		m.check(rt)
		m.checkReads(rt)
	})
}

func (m *model) open(t *rapid.T) {
	db, err := relaylog.Open(m.dir, relaylog.Options{Identity: "model", CacheBytes: 1 << 20, SegmentBytes: 512 << 10}.WithCheckpoints(256<<10))
	if err != nil {
		t.Fatal(err)
	}
	m.db = db
}

func (m *model) reopen(t *rapid.T) {
	id := m.db.StoreID()
	if err := m.db.Close(); err != nil {
		t.Fatal(err)
	}
	m.open(t)
	if m.db.StoreID() != id {
		t.Fatal("the store has another id")
	}
	m.ahead, m.aheads = nil, nil
}

// native draws bytes: mostly few, sometimes around the size of a chunk and over several.
func (m *model) native(t *rapid.T) []byte {
	const chunk = 256 << 10
	size := rapid.OneOf(
		rapid.IntRange(0, 3000), rapid.IntRange(0, 3000), rapid.IntRange(0, 3000),
		rapid.IntRange(chunk-2, chunk+2), rapid.IntRange(chunk, 3*chunk),
	).Draw(t, "size")
	b := make([]byte, size)
	fill(b, m.rand.Uint64())
	return b
}

// inPieces appends in pieces of random size, and dirties them afterwards: they must have been copied.
func (m *model) inPieces(t *rapid.T, native []byte, add func([]byte) error) {
	for rest := bytes.Clone(native); len(rest) > 0; {
		n := min(len(rest), 1+m.rand.IntN(300<<10))
		if err := add(rest[:n]); err != nil {
			t.Fatal(err)
		}
		clear(rest[:n])
		rest = rest[n:]
	}
}

func (m *model) commit(t *rapid.T) {
	native := m.native(t)
	w := m.db.Local().Begin(t.Context())
	m.inPieces(t, native, w.Append)
	st := m.state
	st.LSN++
	st.HLC += relay.HLC(1 + m.rand.IntN(10))
	st.Position = relay.Position(fmt.Sprint("pos", st.LSN))
	st.Seen = []relay.SeqHLC{{}, {Seq: relay.Seq(m.rand.Uint32()), HLC: st.HLC}}
	e := relay.Entry{
		Kind: relay.EntryKind(1 + m.rand.IntN(4)), HLC: st.HLC, Deps: relay.Vector{0, st.HLC}, GTID: fmt.Sprint(st.LSN),
		Position: st.Position, Flavour: "mariadb", Time: time.UnixMicro(int64(st.HLC)).UTC(),
		Keys: []string{fmt.Sprintf("p%03d", m.rand.IntN(100)), fmt.Sprintf("g%06d", st.LSN)},
	}
	if e.Kind == relay.Local {
		st.Seq++
		e.Seq = st.Seq
	}
	if e.Kind == relay.Applied {
		e.Mark = &relay.Mark{Origin: other, Range: relay.Range{From: 1, To: relay.Seq(st.LSN)}, Lane: 2}
	}
	if err := w.Commit(e, st); err != nil {
		t.Fatal(err)
	}
	if rapid.Bool().Draw(t, "wait") {
		if err := m.db.Local().WaitDurable(t.Context(), st.LSN); err != nil {
			t.Fatal(err)
		}
	}
	e.LSN, e.Size = st.LSN, int64(len(native))
	m.entries, m.natives, m.state = append(m.entries, e), append(m.natives, native), st
}

func (m *model) discard(t *rapid.T) {
	w := m.db.Local().Begin(t.Context())
	m.inPieces(t, m.native(t), w.Append)
	w.Discard()
}

// receiveAhead takes one transaction of which its origin is not sure yet.
func (m *model) receiveAhead(t *rapid.T) {
	if len(m.ahead) == relay.MaxAhead {
		return
	}
	seq := relay.Seq(len(m.received) + len(m.ahead) + 1)
	native := make([]byte, rapid.IntRange(0, relay.MaxAheadBytes).Draw(t, "size"))
	fill(native, m.rand.Uint64())
	tx := relay.Transaction{Origin: other, Seq: seq, HLC: relay.HLC(m.rand.Uint32()), Size: int64(len(native))}
	w, err := m.db.Received(other).BeginAhead(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	m.inPieces(t, native, w.Append)
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	m.ahead, m.aheads = append(m.ahead, tx), append(m.aheads, native)
}

// confirm has the origin be sure of some.
func (m *model) confirm(t *rapid.T) {
	if len(m.ahead) == 0 {
		return
	}
	n := rapid.IntRange(1, len(m.ahead)).Draw(t, "confirmed")
	stream := m.db.Received(other)
	if err := stream.Confirm(m.ahead[n-1].Seq); err != nil {
		t.Fatal(err)
	}
	if err := stream.WaitSafe(t.Context(), m.ahead[n-1].Seq); err != nil {
		t.Fatal(err)
	}
	m.received, m.bodies = append(m.received, m.ahead[:n]...), append(m.bodies, m.aheads[:n]...)
	m.ahead, m.aheads = m.ahead[n:], m.aheads[n:]
}

// takeBack has the origin forget what it is not sure of.
func (m *model) takeBack(t *rapid.T) {
	if got := m.db.Received(other).TakeBack(); got != (len(m.ahead) > 0) {
		t.Fatalf("taking back %d transactions said %v", len(m.ahead), got)
	}
	m.ahead, m.aheads = nil, nil
}

func (m *model) receive(t *rapid.T) {
	if len(m.ahead) > 0 {
		m.takeBack(t)
	}
	native := m.native(t)
	seq := relay.Seq(len(m.received) + 1)
	for _, wrong := range []relay.Seq{seq - 1, seq + 1} {
		if _, err := m.db.Received(other).Begin(t.Context(), relay.Transaction{Origin: other, Seq: wrong}); err == nil {
			t.Fatalf("transaction %d was taken when %d came next", wrong, seq)
		}
	}
	tx := relay.Transaction{Origin: other, Seq: seq, HLC: relay.HLC(seq) * 7, GTID: fmt.Sprint(seq), Size: int64(len(native))}
	w, err := m.db.Received(other).Begin(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	m.inPieces(t, native, w.Append)
	if rapid.IntRange(0, 4).Draw(t, "torn") == 0 {
		w.Discard()
		return
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	m.received, m.bodies = append(m.received, tx), append(m.bodies, native)
}

func (m *model) promise(t *rapid.T) {
	h := m.state.HLC + relay.HLC(rapid.IntRange(-5, 5).Draw(t, "ahead"))
	if err := m.db.Promise(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	m.state.HLC = max(m.state.HLC, h)
}

func (m *model) write(t *rapid.T) {
	var pairs []relay.Pair
	for range rapid.IntRange(1, 5).Draw(t, "pairs") {
		key := fmt.Sprintf("%c%02d", "ab"[m.rand.IntN(2)], m.rand.IntN(30))
		if m.rand.IntN(3) == 0 {
			pairs = append(pairs, relay.Pair{Key: []byte(key)})
			delete(m.pairs, key)
			continue
		}
		value := strings.Repeat("v", m.rand.IntN(600))
		pairs = append(pairs, relay.Pair{Key: []byte(key), Value: []byte(value)})
		m.pairs[key] = value
	}
	if err := m.db.Write(t.Context(), pairs); err != nil {
		t.Fatal(err)
	}
}

// sync waits for all that was committed.
func (m *model) sync(t *rapid.T) {
	if err := m.db.Write(t.Context(), []relay.Pair{{Key: []byte("sync"), Value: []byte{}}}); err != nil {
		t.Fatal(err)
	}
	m.pairs["sync"] = ""
}

func (m *model) trim(t *rapid.T) {
	m.sync(t)
	before := relay.LSN(rapid.IntRange(0, len(m.entries)+3).Draw(t, "before"))
	if err := m.db.Local().Trim(uint64(before)); err != nil {
		t.Fatal(err)
	}
	m.first = max(m.first, min(before, m.state.LSN+1))
	seq := relay.Seq(rapid.IntRange(0, len(m.received)+1).Draw(t, "before seq"))
	if err := m.db.Received(other).Trim(uint64(seq)); err != nil {
		t.Fatal(err)
	}
	m.recFirst = max(m.recFirst, min(seq, relay.Seq(len(m.received)+1)))
}

// check compares what can be compared cheaply after every step.
func (m *model) check(t *rapid.T) {
	m.sync(t)
	local, rec := m.db.Local(), m.db.Received(other)
	if local.First() != uint64(m.first) || local.Last() != uint64(m.state.LSN) {
		t.Fatalf("local stream is %d..%d, want %d..%d", local.First(), local.Last(), m.first, m.state.LSN)
	}
	if rec.First() != uint64(m.recFirst) || rec.Last() != uint64(len(m.received)) {
		t.Fatalf("received stream is %d..%d, want %d..%d", rec.First(), rec.Last(), m.recFirst, len(m.received))
	}
	if got, want := local.Bytes(), size(m.natives[m.first-1:]); got != want {
		t.Fatalf("local stream has %d bytes, want %d", got, want)
	}
	if got := m.db.State(); !reflect.DeepEqual(got, m.state) {
		t.Fatalf("state is %+v, want %+v", got, m.state)
	}
	m.checkIndex(t)
	m.checkStore(t)
}

func size(natives [][]byte) (sum int64) {
	for _, n := range natives {
		sum += int64(len(n))
	}
	return sum
}

func (m *model) checkIndex(t *rapid.T) {
	key := fmt.Sprintf("p%03d", m.rand.IntN(100))
	best, want := "", relay.LSN(0)
	for _, e := range m.entries {
		if k := e.Keys[0]; k <= key && k >= best {
			best, want = k, e.LSN
		}
	}
	got, err := m.db.Local().Floor("p", key)
	// A trimmed entry hides those below it, until it is deleted in the background.
	switch {
	case want >= m.first && (err != nil || got != want):
		t.Fatalf("floor of %s is %d (%v), want %d", key, got, err, want)
	case err == nil && got < m.first:
		t.Fatalf("floor of %s is %d, which is trimmed", key, got)
	case err != nil && !errors.Is(err, relay.ErrNotFound):
		t.Fatal(err)
	}
	for _, e := range m.entries {
		if e.Kind != relay.Local {
			continue
		}
		got, err := m.db.Local().BySeq(e.Seq)
		if e.LSN < m.first && !errors.Is(err, relay.ErrTrimmed) || e.LSN >= m.first && got != e.LSN {
			t.Fatalf("sequence %d is at %d (%v), want %d", e.Seq, got, err, e.LSN)
		}
	}
}

func (m *model) checkStore(t *rapid.T) {
	prefix := string("ab"[m.rand.IntN(2)])
	start := fmt.Sprintf("%c%02d", "ab"[m.rand.IntN(2)], m.rand.IntN(30))
	var want, got []string
	for k, v := range m.pairs {
		if strings.HasPrefix(k, prefix) && k >= start {
			want = append(want, k+"="+v)
		}
	}
	sort.Strings(want)
	for p, err := range m.db.Scan([]byte(prefix), []byte(start)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(p.Key)+"="+string(p.Value))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("scan of %s from %s gave %q, want %q", prefix, start, got, want)
	}
	value, err := m.db.Get([]byte(start))
	if want, ok := m.pairs[start]; ok != (err == nil) || string(value) != want {
		t.Fatalf("%s is %q (%v), want %q", start, value, err, want)
	}
}

// checkReads reads everything, by cursor and one by one.
func (m *model) checkReads(t *rapid.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := m.db.Local().Read(m.first - 1); !errors.Is(err, relay.ErrTrimmed) {
		t.Fatalf("reading before the beginning gave %v", err)
	}
	c, err := m.db.Local().Read(m.first)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := m.first - 1; i < m.state.LSN; i++ {
		e, body, err := c.Next(ctx)
		m.same(t, e, m.entries[i], body, m.natives[i], err)
		e, body, err = m.db.Local().Entry(i + 1)
		m.same(t, e, m.entries[i], body, m.natives[i], err)
	}
	r, err := m.db.Received(other).Read(m.recFirst)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := m.recFirst - 1; i < relay.Seq(len(m.received)); i++ {
		tx, body, err := r.Next(ctx)
		m.same(t, tx, m.received[i], body, m.bodies[i], err)
		tx, body, err = m.db.Received(other).Transaction(i + 1)
		m.same(t, tx, m.received[i], body, m.bodies[i], err)
	}
}

func (m *model) same(t *rapid.T, got, want any, body relay.Body, native []byte, err error) {
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("read %+v, want %+v", got, want)
	}
	if b, err := collect(body); err != nil || !bytes.Equal(b, native) {
		t.Fatalf("read %d bytes (%v), want the %d that were written", len(b), err, len(native))
	}
}

func collect(body relay.Body) (all []byte, err error) {
	for piece, err := range body {
		if err != nil {
			return all, err
		}
		all = append(all, piece...)
	}
	return all, nil
}
