package segment_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/relaylog/segment"
)

const streams = 3

// model is a set that keeps everything in memory, and the real one that must agree with it.
type model struct {
	dir    string
	set    *segment.Set
	cipher *segment.Cipher
	rand   *rand.Rand

	records [streams][][]byte // of each stream, from number 1 on
	chunks  map[[3]uint64][]byte
	keys    map[string]uint64 // of stream 0
	first   [streams]uint64   // what is before it nobody needs
	pairs   []string          // as they are replayed
	marks   []segment.Position
	marked  []int // how many pairs were there at the mark
}

// A record's value says under what it is found: "keys;sequence;filler".
func describe(_ byte, value []byte) (l segment.Labels, err error) {
	keys, rest, ok := strings.Cut(string(value), ";")
	if !ok {
		return l, errors.New("no labels")
	}
	if keys != "" {
		l.Keys = strings.Split(keys, ",")
	}
	_, err = fmt.Sscanf(rest, "%d;", &l.Sequence)
	return l, err
}

func TestSet(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{
			dir: t.TempDir(), chunks: make(map[[3]uint64][]byte), keys: make(map[string]uint64), first: [streams]uint64{1, 1, 1},
			rand: rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0)),
		}
		if rapid.Bool().Draw(rt, "enciphered") {
			m.cipher, _ = segment.NewCipher(bytes.Repeat([]byte("k"), 32))
		}
		m.open(rt)
		defer func() { m.set.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"append": m.append,
			"reopen": m.reopen,
			"crash":  func(rt *rapid.T) { m.crash(t, rt) },
			"lose":   m.loseIndex,
			"seal":   func(t *rapid.T) { must(t, m.set.Seal()) },
			"rotate": func(t *rapid.T) { must(t, m.set.Rotate()) },
			"remove": m.remove,
			"":       m.check,
		})
	})
}

func must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (m *model) open(t *rapid.T) {
	set, err := segment.Open(m.dir, segment.Options{
		Limit: 200 << 10, Sync: (*os.File).Sync, Describe: describe, Cipher: m.cipher,
	})
	must(t, err)
	m.set = set
}

func (m *model) reopen(t *rapid.T) {
	group := m.set.Group()
	must(t, m.set.Close())
	m.open(t)
	if got := m.set.Group(); got != group {
		t.Fatalf("the last group was %d and is %d", group, got)
	}
}

// crash goes on with what the files hold now, without closing the set first.
func (m *model) crash(outer *testing.T, t *rapid.T) {
	group, after := m.set.Group(), outer.TempDir()
	must(t, os.CopyFS(after, os.DirFS(m.dir)))
	must(t, m.set.Close())
	m.dir = after
	m.open(t)
	if got := m.set.Group(); got != group {
		t.Fatalf("the last group was %d and is %d after a crash", group, got)
	}
}

// loseIndex damages or removes an index: it must be made again.
func (m *model) loseIndex(t *rapid.T) {
	files, _ := filepath.Glob(filepath.Join(m.dir, "*.idx"))
	if len(files) == 0 {
		return
	}
	must(t, m.set.Close())
	name := files[m.rand.IntN(len(files))]
	b, err := os.ReadFile(name)
	must(t, err)
	if at := m.rand.IntN(len(b) + 1); at == len(b) {
		must(t, os.Remove(name))
	} else {
		must(t, os.WriteFile(name, b[:at], 0o600))
	}
	m.open(t)
}

func (m *model) append(t *rapid.T) {
	var f segment.Frame
	for range rapid.IntRange(0, 20).Draw(t, "items") {
		stream := byte(m.rand.IntN(streams))
		switch m.rand.IntN(4) {
		case 0:
			m.chunk(&f, stream)
		case 1:
			m.pair(&f)
		default:
			m.record(&f, stream)
		}
	}
	_, err := m.set.Append(&f)
	must(t, err)
	if m.rand.IntN(3) == 0 {
		m.marks, m.marked = append(m.marks, m.set.End()), append(m.marked, len(m.pairs))
	}
}

func (m *model) record(f *segment.Frame, stream byte) {
	number := uint64(len(m.records[stream]) + 1)
	var l segment.Labels
	if stream == 0 {
		l = segment.Labels{Keys: []string{fmt.Sprintf("p%05d", m.rand.IntN(50)), fmt.Sprintf("g%06d", number)}, Sequence: 2 * number}
	}
	for _, k := range l.Keys {
		m.keys[k] = number
	}
	value := fmt.Appendf(nil, "%s;%d;", strings.Join(l.Keys, ","), l.Sequence)
	size := m.rand.IntN(2000)
	if m.rand.IntN(20) == 0 {
		size = m.rand.IntN(150 << 10)
	}
	value = append(value, bytes.Repeat([]byte{byte(number)}, size)...)
	f.Record(stream, number, value, l)
	m.records[stream] = append(m.records[stream], value)
}

// chunk writes one of the next record.
func (m *model) chunk(f *segment.Frame, stream byte) {
	number, index := uint64(len(m.records[stream])+1), uint32(m.rand.IntN(2))
	at := func(index uint64) [3]uint64 { return [3]uint64{uint64(stream), number, index} }
	if index == 1 && (m.chunks[at(0)] == nil || m.chunks[at(1)] != nil) {
		index = 0 // each follows the one before, or begins anew
	}
	value := bytes.Repeat([]byte{byte(m.rand.Uint32())}, m.rand.IntN(5000))
	f.Chunk(stream, number, index, value)
	m.chunks[at(uint64(index))] = value
	if index == 0 {
		delete(m.chunks, at(1))
	}
}

func (m *model) pair(f *segment.Frame) {
	key := fmt.Sprint("key", m.rand.IntN(9))
	if m.rand.IntN(3) == 0 {
		f.Pair([]byte(key), nil)
		m.pairs = append(m.pairs, key+" deleted")
		return
	}
	f.Pair([]byte(key), []byte(key))
	m.pairs = append(m.pairs, key)
}

func (m *model) remove(t *rapid.T) {
	for s := range m.first {
		m.first[s] += uint64(m.rand.IntN(len(m.records[s]) + 2 - int(m.first[s])))
	}
	must(t, m.set.Seal())
	_, err := m.set.Remove(m.set.End().Segment, func(stream byte, top uint64) bool { return top < m.first[stream] })
	must(t, err)
	oldest, _ := m.set.Oldest()
	for len(m.marks) > 0 && m.marks[0].Segment < oldest {
		m.marks, m.marked = m.marks[1:], m.marked[1:]
	}
}

func (m *model) check(t *rapid.T) {
	for s := range m.records {
		m.checkStream(t, byte(s))
	}
	m.checkLabels(t)
	m.checkReplay(t)
}

func (m *model) checkStream(t *rapid.T, stream byte) {
	all := m.records[stream]
	if last, _ := m.set.Last(stream); last != uint64(len(all)) && m.first[stream] <= uint64(len(all)) {
		t.Fatalf("the last record of stream %d is %d, want %d", stream, last, len(all))
	}
	if m.first[stream] > uint64(len(all)) {
		return
	}
	number := m.first[stream] + uint64(m.rand.IntN(len(all)+1-int(m.first[stream])))
	r := m.set.Reader(stream, number)
	for range 3 {
		if number > uint64(len(all)) {
			break
		}
		items, err := r.Batch(1 + m.rand.IntN(30))
		must(t, err)
		for _, it := range items {
			if it.Number != number || !bytes.Equal(it.Value, all[number-1]) {
				t.Fatalf("record %d of stream %d was read as %d with %d bytes", number, stream, it.Number, len(it.Value))
			}
			number++
		}
	}
	m.checkChunks(t, stream)
}

func (m *model) checkChunks(t *rapid.T, stream byte) {
	number := m.first[stream] + uint64(m.rand.IntN(len(m.records[stream])+2-int(m.first[stream])))
	chunks := m.set.Chunks(stream, number)
	for index := range uint32(2) {
		want := m.chunks[[3]uint64{uint64(stream), number, uint64(index)}]
		if want == nil {
			return
		}
		got, found, err := chunks.Read(index)
		must(t, err)
		if !found || !bytes.Equal(got, want) {
			t.Fatalf("chunk %d of record %d of stream %d has %d bytes (found: %v), want %d", index, number, stream, len(got), found, len(want))
		}
	}
}

func (m *model) checkLabels(t *rapid.T) {
	if len(m.records[0]) == 0 {
		return
	}
	number := uint64(1 + m.rand.IntN(len(m.records[0])))
	at, found, err := m.set.Sequence(0, 2*number+1)
	must(t, err)
	if found && (at > number || number-at > 3000) {
		t.Fatalf("sequence %d is looked for from record %d on", 2*number, at)
	}
	key := fmt.Sprintf("p%05d", m.rand.IntN(60))
	best, want := "", uint64(0)
	for k, n := range m.keys {
		if strings.HasPrefix(k, "p") && k <= key && k >= best {
			best, want = k, n
		}
	}
	got, _, err := m.set.Floor("p", key, 1<<63)
	must(t, err)
	if want >= m.first[0] && got != want {
		t.Fatalf("floor of %s is %d, want %d (%s)", key, got, want, best)
	}
}

func (m *model) checkReplay(t *rapid.T) {
	if len(m.marks) == 0 {
		return
	}
	i := m.rand.IntN(len(m.marks))
	var got []string
	must(t, m.set.Replay(m.marks[i], func(_ uint64, keys, values [][]byte) error {
		for i := range keys {
			pair := string(keys[i])
			if values[i] == nil {
				pair += " deleted"
			}
			got = append(got, pair)
		}
		return nil
	}))
	if want := m.pairs[m.marked[i]:]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("replayed %v, want %v", got, want)
	}
}
