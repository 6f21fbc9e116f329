package relay

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The binary form of the nouns, the same on disk and between relays: fields in order, numbers as varints (signed ones
// zig-zag), strings and lists with their length in front. A reader ignores bytes after the last field that it knows,
// so that fields can be added at the end.

// AppendBinary appends the transaction's header to b.
func (t Transaction) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, byte(t.Origin))
	b = binary.AppendUvarint(b, uint64(t.Seq))
	b = binary.AppendVarint(b, int64(t.HLC))
	b = appendVector(b, t.Deps)
	b = appendTime(b, t.Time)
	b = appendString(b, t.GTID)
	b = appendString(b, string(t.Flavour))
	return binary.AppendVarint(b, t.Size), nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (t *Transaction) UnmarshalBinary(data []byte) error {
	d := decoder{rest: data, text: string(data)}
	*t = Transaction{
		Origin: Region(d.byte()), Seq: Seq(d.uvarint()), HLC: HLC(d.varint()), Deps: d.vector(),
		Time: d.time(), GTID: d.string(), Flavour: Flavour(d.string()), Size: d.varint(),
	}
	return d.finish("transaction header")
}

// AppendBinary appends the entry's header to b.
func (e Entry) AppendBinary(b []byte) ([]byte, error) {
	b = binary.AppendUvarint(b, uint64(e.LSN))
	b = append(b, byte(e.Kind))
	b = binary.AppendVarint(b, int64(e.HLC))
	b = binary.AppendUvarint(b, uint64(e.Seq))
	b = appendVector(b, e.Deps)
	b = appendMark(b, e.Mark)
	b = appendTime(b, e.Time)
	b = appendString(b, e.GTID)
	b = appendString(b, string(e.Position))
	b = appendStrings(b, e.Keys)
	b = appendString(b, string(e.Flavour))
	return binary.AppendVarint(b, e.Size), nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (e *Entry) UnmarshalBinary(data []byte) error {
	d := decoder{rest: data, text: string(data)}
	*e = Entry{
		LSN: LSN(d.uvarint()), Kind: EntryKind(d.byte()), HLC: HLC(d.varint()), Seq: Seq(d.uvarint()),
		Deps: d.vector(), Mark: d.mark(), Time: d.time(), GTID: d.string(), Position: Position(d.string()),
		Keys: d.strings(), Flavour: Flavour(d.string()), Size: d.varint(),
	}
	return d.finish("log entry header")
}

// AppendBinary appends the state to b.
func (s State) AppendBinary(b []byte) ([]byte, error) {
	b = binary.AppendVarint(b, int64(s.HLC))
	b = binary.AppendUvarint(b, uint64(s.LSN))
	b = binary.AppendUvarint(b, uint64(s.Seq))
	b = binary.AppendUvarint(b, uint64(len(s.Seen)))
	for _, seen := range s.Seen {
		b = binary.AppendUvarint(b, uint64(seen.Seq))
		b = binary.AppendVarint(b, int64(seen.HLC))
	}
	return appendString(b, string(s.Position)), nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (s *State) UnmarshalBinary(data []byte) error {
	d := decoder{rest: data}
	*s = State{HLC: HLC(d.varint()), LSN: LSN(d.uvarint()), Seq: Seq(d.uvarint())}
	for range d.count(MaxRegions + 1) {
		s.Seen = append(s.Seen, SeqHLC{Seq: Seq(d.uvarint()), HLC: HLC(d.varint())})
	}
	s.Position = Position(d.string())
	return d.finish("capture state")
}

// AppendBinary appends the heartbeat to b.
func (h Heartbeat) AppendBinary(b []byte) ([]byte, error) {
	b = binary.AppendUvarint(b, uint64(h.Last))
	b = binary.AppendVarint(b, int64(h.Promise))
	b = appendVector(b, h.Announced)
	b = binary.AppendUvarint(b, uint64(len(h.Received)))
	for _, seq := range h.Received {
		b = binary.AppendUvarint(b, uint64(seq))
	}
	b = binary.AppendVarint(b, h.Wall)
	b = binary.AppendUvarint(b, uint64(len(h.Lost)))
	for _, w := range h.Lost {
		b = appendString(appendString(append(b, byte(w.Region)), w.Name), w.Store)
		b = appendBool(binary.AppendUvarint(b, uint64(w.Last)), w.Level)
	}
	b = binary.AppendUvarint(b, uint64(len(h.Echoes)))
	for _, e := range h.Echoes {
		b = binary.AppendVarint(binary.AppendVarint(b, e.Wall), e.At)
	}
	return b, nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (h *Heartbeat) UnmarshalBinary(data []byte) error {
	d := decoder{rest: data}
	*h = Heartbeat{Last: Seq(d.uvarint()), Promise: HLC(d.varint()), Announced: d.vector()}
	for range d.count(MaxRegions + 1) {
		h.Received = append(h.Received, Seq(d.uvarint()))
	}
	h.Wall = d.varint()
	if !d.bad && len(d.rest) > 0 { // releases before evictions end here
		for range d.count(MaxRegions) {
			h.Lost = append(h.Lost, LostRegion{
				Region: Region(d.byte()), Name: d.string(), Store: d.string(), Survivor: Survivor{Last: Seq(d.uvarint()), Level: d.byte() != 0},
			})
		}
	}
	if !d.bad && len(d.rest) > 0 { // releases before echoes end here
		for range d.count(MaxRegions + 1) {
			h.Echoes = append(h.Echoes, Echo{Wall: d.varint(), At: d.varint()})
		}
	}
	return d.finish("heartbeat")
}

// AppendBinary appends the introduction to b.
func (h Hello) AppendBinary(b []byte) ([]byte, error) {
	b = appendString(b, h.Cluster)
	b = appendString(b, h.Name)
	b = append(b, byte(h.Region))
	b = appendString(b, h.Store)
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(h.Protocol)), uint64(h.Oldest))
	return appendString(appendString(b, h.Rules), string(h.Flavour)), nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (h *Hello) UnmarshalBinary(data []byte) error {
	d := decoder{rest: data}
	*h = Hello{
		Cluster: d.string(), Name: d.string(), Region: Region(d.byte()), Store: d.string(), Protocol: int(d.uvarint()),
		Oldest: int(d.uvarint()),
	}
	if !d.bad && len(d.rest) > 0 { // releases before this field end here
		h.Rules = d.string()
	}
	if !d.bad && len(d.rest) > 0 { // and those before this one here
		h.Flavour = Flavour(d.string())
	}
	return d.finish("introduction")
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBool(b []byte, is bool) []byte {
	if is {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

func appendVector(b []byte, v Vector) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	for _, h := range v {
		b = binary.AppendVarint(b, int64(h))
	}
	return b
}

// appendTime writes microseconds; the zero time is written as 0.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendVarint(b, 0)
	}
	return binary.AppendVarint(b, t.UnixMicro())
}

func appendMark(b []byte, m *Mark) []byte {
	if m == nil {
		return append(b, 0)
	}
	b = append(b, 1, byte(m.Origin))
	b = binary.AppendUvarint(b, uint64(m.Range.From))
	b = binary.AppendUvarint(b, uint64(m.Range.To))
	b = binary.AppendVarint(b, int64(m.HLC))
	b = binary.AppendUvarint(b, m.Nonce)
	return binary.AppendUvarint(b, uint64(m.Lane))
}

// decoder reads fields one after the other; after the first malformed one it yields zero values.
type decoder struct {
	rest []byte
	text string // all bytes, of which strings are then parts: one allocation for all of them; "": each is a copy of its own
	bad  bool
}

func (d *decoder) finish(what string) error {
	if d.bad {
		return fmt.Errorf("decode %s: %w", what, ErrCorrupt)
	}
	return nil
}

func (d *decoder) fail() { d.rest, d.bad = nil, true }

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail()
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// count reads the length of a list that has at most limit elements, each of at least one byte.
func (d *decoder) count(limit int) int {
	n := d.uvarint()
	if n > uint64(min(limit, len(d.rest))) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) string() string {
	n := d.count(len(d.rest))
	var s string
	if at := len(d.text) - len(d.rest); at >= 0 {
		s = d.text[at : at+n]
	} else {
		s = string(d.rest[:n])
	}
	d.rest = d.rest[n:]
	return s
}

// usualKeys is more than an entry has.
const usualKeys = 4

func (d *decoder) strings() []string {
	n := d.count(len(d.rest))
	if n == 0 {
		return nil
	}
	list := make([]string, 0, min(n, usualKeys))
	for range n {
		list = append(list, d.string())
	}
	return list
}

func (d *decoder) vector() Vector {
	n := d.count(MaxRegions + 1)
	if n == 0 {
		return nil
	}
	v := make(Vector, 0, n)
	for range n {
		v = append(v, HLC(d.varint()))
	}
	return v
}

func (d *decoder) time() time.Time {
	us := d.varint()
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func (d *decoder) mark() *Mark {
	if d.byte() == 0 {
		return nil
	}
	return &Mark{
		Origin: Region(d.byte()), Range: Range{From: Seq(d.uvarint()), To: Seq(d.uvarint())}, HLC: HLC(d.varint()),
		Nonce: d.uvarint(), Lane: int(d.uvarint()),
	}
}
