package logical

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jackc/pglogrepl"

	"github.com/octant-db/octant/relay"
)

// Flavour names these native bytes.
const Flavour relay.Flavour = "postgres"

// The kinds of messages: a message's first byte.
const (
	KindBegin    = 'B'
	KindCommit   = 'C'
	KindOrigin   = 'O'
	KindRelation = 'R'
	KindType     = 'Y'
	KindInsert   = 'I'
	KindUpdate   = 'U'
	KindDelete   = 'D'
	KindTruncate = 'T'
	KindMessage  = 'M'

	KindDescribe = 0x80
	KindFill     = 0x81
	KindGone     = 0x82
	KindFrame    = 0x83
)

// Begin is pgoutput's Begin.
type Begin struct {
	FinalLSN pglogrepl.LSN // of the commit record
	Time     time.Time     // of the commit, to the microsecond
	XID      uint32
}

// ParseBegin reads a Begin message.
func ParseBegin(m []byte) (Begin, error) {
	r := reader{rest: m}
	r.byte()
	b := Begin{FinalLSN: pglogrepl.LSN(r.uint64()), Time: Time(r.uint64()), XID: r.uint32()}
	return b, wrap("begin", r.finish())
}

// Commit is pgoutput's Commit.
type Commit struct {
	LSN, End pglogrepl.LSN // of the commit record, and behind it
	Time     time.Time
}

// ParseCommit reads a Commit message.
func ParseCommit(m []byte) (Commit, error) {
	r := reader{rest: m}
	r.byte()
	r.byte() // flags, none defined
	c := Commit{LSN: pglogrepl.LSN(r.uint64()), End: pglogrepl.LSN(r.uint64()), Time: Time(r.uint64())}
	return c, wrap("commit", r.finish())
}

// epoch is 2000-01-01 in microseconds of Unix time, where PostgreSQL begins to count.
const epoch = 946684800 * 1_000_000

// Time converts PostgreSQL's microseconds.
func Time(us uint64) time.Time { return time.UnixMicro(int64(us) + epoch).UTC() }

// Relation is pgoutput's Relation.
type Relation struct {
	OID      uint32
	Schema   string
	Name     string
	Identity byte // replica identity: d default, n nothing, f full, i index
	Columns  []RelationColumn
}

// RelationColumn is a column of a Relation.
type RelationColumn struct {
	Name     string
	Type     uint32 // the type's oid in the database that it came from
	Modifier int32
	Key      bool // it is part of the replica identity
}

// ParseRelation reads a Relation message.
func ParseRelation(m []byte) (Relation, error) {
	r := reader{rest: m}
	r.byte()
	rel := Relation{OID: r.uint32(), Schema: r.cstring(), Name: r.cstring(), Identity: r.byte()}
	if rel.Schema == "" {
		rel.Schema = "pg_catalog"
	}
	for range r.uint16() {
		if r.bad {
			break
		}
		key := r.byte()&1 != 0
		rel.Columns = append(rel.Columns, RelationColumn{Key: key, Name: r.cstring(), Type: r.uint32(), Modifier: int32(r.uint32())})
	}
	return rel, wrap("relation", r.finish())
}

// Row is an Insert, Update or Delete.
type Row struct {
	Op       relay.Op
	Relation uint32
	OldKind  byte // of Old: 'K' a key, 'O' a whole row, 0 there is none
	Old, New relay.Image
}

// ParseRow reads an Insert, Update or Delete message. The images alias it.
func ParseRow(m []byte) (Row, error) {
	r := reader{rest: m}
	row := Row{Op: ops[r.byte()], Relation: r.uint32()}
	kind := r.byte()
	if kind == 'K' || kind == 'O' {
		row.OldKind, row.Old = kind, r.tuple()
		if row.Op == relay.Update {
			kind = r.byte()
		}
	}
	if row.Op != relay.Delete {
		if kind != 'N' {
			r.fail()
		}
		row.New = r.tuple()
	}
	if row.Op == 0 || row.Op == relay.Delete && row.Old == nil || row.Op == relay.Insert && row.Old != nil {
		r.fail()
	}
	return row, wrap("row", r.finish())
}

var ops = map[byte]relay.Op{KindInsert: relay.Insert, KindUpdate: relay.Update, KindDelete: relay.Delete}

// Truncate is pgoutput's Truncate.
type Truncate struct {
	Relations []uint32
}

// ParseTruncate reads a Truncate message.
func ParseTruncate(m []byte) (Truncate, error) {
	r := reader{rest: m}
	r.byte()
	n := r.uint32()
	r.byte() // CASCADE, of which the tables are told; RESTART IDENTITY, which is about the sequences of one region
	var t Truncate
	for i := uint32(0); i < n && !r.bad; i++ {
		t.Relations = append(t.Relations, r.uint32())
	}
	return t, wrap("truncate", r.finish())
}

// Emitted is pgoutput's Message: what somebody wrote with pg_logical_emit_message.
type Emitted struct {
	Transactional bool          // it is part of a transaction
	LSN           pglogrepl.LSN // its place in the log
	Prefix        string
	Content       []byte
}

// ParseEmitted reads a Message message. Content aliases it.
func ParseEmitted(m []byte) (Emitted, error) {
	r := reader{rest: m}
	r.byte()
	t := Emitted{Transactional: r.byte()&1 != 0, LSN: pglogrepl.LSN(r.uint64()), Prefix: r.cstring()}
	n := r.uint32()
	if !r.bad && uint64(n) == uint64(len(r.rest)) {
		t.Content, r.rest = r.rest, nil
	}
	return t, wrap("message", r.finish())
}

// Describe is the relay's own message: what a relation was when the rows after it were logged.
type Describe struct {
	OID      uint32
	Identity byte
	Native   []byte // a Description's bytes
}

// Append appends the message, with its length in front.
func (d Describe) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(6+len(d.Native)))
	b = binary.BigEndian.AppendUint32(append(b, KindDescribe), d.OID)
	return append(append(b, d.Identity), d.Native...)
}

// ParseDescribe reads a describe message. Native aliases it.
func ParseDescribe(m []byte) (Describe, error) {
	r := reader{rest: m}
	r.byte()
	d := Describe{OID: r.uint32(), Identity: r.byte()}
	d.Native, r.rest = r.rest, nil
	return d, wrap("describe", r.finish())
}

// AppendMessage appends a message with its length in front, in two parts of which the second may be nil.
func AppendMessage(b, head, rest []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(head)+len(rest)))
	return append(append(b, head...), rest...)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read %s: %w", what, err)
}
