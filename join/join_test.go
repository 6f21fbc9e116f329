package join_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/join"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// known is an applier that knows some pairs.
type known struct{ pairs []relay.Pair }

func (known) Fence(context.Context) error { return nil }
func (known) Merged() relay.LSN           { return 3 }

func (k known) Donate(context.Context, relay.Region) (*applier.Donation, error) {
	return &applier.Donation{LSN: 3, Clock: 30, Seen: []relay.SeqHLC{{}, {Seq: 2, HLC: 30}}, Close: func() {}, Pairs: func(yield func(relay.Pair, error) bool) {
		for _, p := range k.pairs {
			if !yield(p, nil) {
				return
			}
		}
	}}, nil
}

// TestWhatIsFrozenComesOutAsItWas: in pieces from any place on, and only until the next time.
func TestWhatIsFrozenComesOutAsItWas(t *testing.T) {
	var want []relay.Pair
	for i := range 300 {
		want = append(want, relay.Pair{Key: []byte{'v', byte(i >> 8), byte(i)}, Value: bytes.Repeat([]byte{byte(i)}, i*i/9)})
	}
	d := &join.Donor{Applier: known{want}, Dir: t.TempDir()}
	defer d.Close()
	f, err := d.Freeze(t.Context(), 9)
	if err != nil || f.LSN != 3 || f.Seen[1].Seq != 2 {
		t.Fatalf("%+v, %v", f, err)
	}
	pieces := func(yield func([]byte, error) bool) {
		for at := int64(0); at < f.Bytes; {
			piece, err := d.Thaw(t.Context(), f.ID, at)
			piece = piece[:min(len(piece), 777)]
			if !yield(piece, err) {
				return
			}
			at += int64(len(piece))
		}
	}
	i := 0
	for pair, err := range applier.PairsOf(pieces) {
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(pair.Key, want[i].Key) || !bytes.Equal(pair.Value, want[i].Value) {
			t.Fatalf("pair %d is not as it was", i)
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d pairs, want %d", i, len(want))
	}
	if _, err := d.Thaw(t.Context(), f.ID, f.Bytes+1); err == nil {
		t.Error("there was something behind the end")
	}
	if _, err := d.Freeze(t.Context(), 9); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Thaw(t.Context(), f.ID, 0); !errors.Is(err, relay.ErrNotFound) {
		t.Errorf("what was frozen before is still there: %v", err)
	}
}

// TestTheLogComesInPieces: entries that carry nothing are named, large ones are cut, and nothing comes that has not been merged.
func TestTheLogComesInPieces(t *testing.T) {
	log, err := relaylog.Open(t.TempDir(), relaylog.Options{Identity: "d"})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	large := bytes.Repeat([]byte("abcdefgh"), 100_000)
	for i, native := range [][]byte{[]byte("frame"), large, []byte("a definition of another region"), []byte("not merged yet")} {
		w := log.Local().Begin(t.Context())
		if err := w.Append(native); err != nil {
			t.Fatal(err)
		}
		kind := relay.Local
		var mark *relay.Mark
		switch i {
		case 0:
			kind = relay.Frame
		case 2:
			kind, mark = relay.History, &relay.Mark{Origin: 2, Range: relay.Range{From: 1, To: 1}}
		}
		e, next := log.State().Next(1, relay.Captured{Kind: kind, Mark: mark, Position: "p", Flavour: "x"})
		e.Size = int64(len(native))
		if err := w.Commit(e, next); err != nil {
			t.Fatal(err)
		}
		if err := log.Local().WaitDurable(t.Context(), e.LSN); err != nil {
			t.Fatal(err)
		}
	}
	d := &join.Donor{Applier: known{}, Log: log}
	got := map[relay.LSN][]byte{}
	for lsn, skip := relay.LSN(1), int64(0); lsn <= 3; {
		answer, err := d.Redo(t.Context(), lsn, skip, 100_000)
		if err != nil || answer.Merged != 3 || len(answer.Pieces) == 0 {
			t.Fatalf("%+v, %v", answer, err)
		}
		for _, p := range answer.Pieces {
			if p.LSN != lsn {
				t.Fatalf("entry %d comes after %d", p.LSN, lsn)
			}
			got[p.LSN] = append(got[p.LSN], p.Data...)
			if skip += int64(len(p.Data)); p.End {
				lsn, skip = lsn+1, 0
			}
		}
	}
	if len(got[1]) != 0 || !bytes.Equal(got[2], large) || string(got[3]) != "a definition of another region" {
		t.Errorf("the entries have %d, %d and %d bytes", len(got[1]), len(got[2]), len(got[3]))
	}
	if answer, err := d.Redo(t.Context(), 4, 0, 1000); err != nil || len(answer.Pieces) > 0 {
		t.Errorf("what has not been merged came: %+v, %v", answer, err)
	}
}

// FuzzPairs reads pairs from anything.
func FuzzPairs(f *testing.F) {
	f.Add(applier.AppendPair(nil, relay.Pair{Key: []byte("k"), Value: []byte("v")}), 1)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		var pieces iter.Seq2[[]byte, error] = func(yield func([]byte, error) bool) {
			for rest := data; len(rest) > 0; {
				n := min(max(cut, 1), len(rest))
				if !yield(rest[:n], nil) {
					return
				}
				rest = rest[n:]
			}
		}
		size := 0
		for pair, err := range applier.PairsOf(pieces) {
			if err == nil {
				size += len(pair.Key) + len(pair.Value)
			}
		}
		if size > len(data) {
			t.Errorf("%d bytes of pairs out of %d", size, len(data))
		}
	})
}

// member is a region that admits everyone.
type member struct {
	relay.Donor
	self relay.Hello
}

func (m member) Admit(context.Context, relay.Hello) (relay.Admission, error) {
	return relay.Admission{Self: m.self}, nil
}

// TestTablesOfAnotherKindMustGoTogether: nothing is written before all reasons against it are told, and rows are not kept that cannot be compared.
func TestTablesOfAnotherKindMustGoTogether(t *testing.T) {
	log, err := relaylog.Open(t.TempDir(), relaylog.Options{Identity: "c"})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	ours := having("app.a id", "app.z id")
	n := &join.Newcomer{
		Self: relay.Hello{Name: "c", Region: 3, Flavour: "postgres"}, Store: log, Copier: ours,
		Redo:  applier.NewRedo(applier.Config{Self: 3, Flavour: "postgres", Target: strict{}, Table: describe, Clock: relay.SystemClock{}}),
		Donor: join.Member{Name: "b", Side: memberWith{member{self: relay.Hello{Name: "b", Region: 2, Flavour: "mariadb"}}, having("app.a id", "app.b id")}},
	}
	err = n.Run(t.Context())
	for _, reason := range []string{"app.a: its columns do not go together", "table app.b is missing here", "table app.z is missing in region b", "name them in database.exclude, in both regions"} {
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("the join ended with %v, and not because %s", err, reason)
		}
	}
	if len(ours.made) > 0 {
		t.Errorf("made %q", ours.made)
	}
	n.Options.Keep = true
	if err := n.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "say --replace") {
		t.Errorf("a region that keeps its rows is told %v", err)
	}
}

// strict is a database that takes no rows of any other.
type strict struct{ relay.Target }

func (strict) Translate(context.Context, []relay.Change) error { return nil }

func (strict) Unfit(_ context.Context, t *relay.Table, _ relay.Image) error {
	return &relay.TableError{Table: t.String(), Reason: "its columns do not go together"}
}

func describe(_ relay.Flavour, native []byte) (*relay.Table, error) {
	schema, name, _ := strings.Cut(string(native), ".")
	return &relay.Table{Schema: schema, Name: name}, nil
}

func (m memberWith) Images(_ context.Context, table string, _ relay.RowKey, _ int) (relay.RowImages, error) {
	return relay.RowImages{Native: []byte(table)}, nil
}

// schema is the tables of a region. To make tables is as far as a join gets with it.
type schema struct {
	relay.TableCopier
	tables []relay.TableDefinition
	made   []string
}

var errMade = errors.New("tables were made")

func (s *schema) Definitions(context.Context) ([]relay.TableDefinition, error) { return s.tables, nil }

func (s *schema) Create(_ context.Context, list []relay.TableDefinition) error {
	for _, t := range list {
		s.made = append(s.made, t.Name)
	}
	return errMade
}

// having is a schema out of "table columns" words.
func having(words ...string) *schema {
	s := new(schema)
	for _, word := range words {
		name, columns, _ := strings.Cut(word, " ")
		s.tables = append(s.tables, relay.TableDefinition{ComparedTable: relay.ComparedTable{Name: name, Definition: columns}})
	}
	return s
}

// unfit has the last table be one of which rows cannot be told apart.
func unfit(s *schema, problem string) *schema {
	s.tables[len(s.tables)-1].Problem = problem
	return s
}

type memberWith struct {
	member
	tables *schema
}

func (m memberWith) Definitions(ctx context.Context) ([]relay.TableDefinition, error) {
	return m.tables.Definitions(ctx)
}

// TestTablesThatAreMissingAreMade: also those that a join that was killed had not come to. Where one is another than in the donor's region nothing is touched.
func TestTablesThatAreMissingAreMade(t *testing.T) {
	for name, test := range map[string]struct {
		ours    *schema
		made    string
		refused string
	}{
		"none":      {having(), "app.a app.b", errMade.Error()},
		"half":      {having("app.a id"), "app.b", errMade.Error()},
		"other":     {having("app.a id,v"), "", "table app.a has other columns here"},
		"strangers": {having("app.a id", "app.z id"), "", "table app.z is missing in region b"},
		"unfit":     {unfit(having("app.a id", "app.b id"), "it has no primary key"), "", "table app.b cannot be copied into the one that is here: it has no primary key. Change them"},
	} {
		t.Run(name, func(t *testing.T) {
			log, err := relaylog.Open(t.TempDir(), relaylog.Options{Identity: "c"})
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			side := memberWith{member{self: relay.Hello{Name: "b", Region: 2, Flavour: "mysql"}}, having("app.a id", "app.b id")}
			n := &join.Newcomer{Self: relay.Hello{Name: "c", Region: 3, Flavour: "mysql"}, Store: log, Copier: test.ours, Donor: join.Member{Name: "b", Side: side}}
			if err := n.Run(t.Context()); err == nil || !strings.Contains(err.Error(), test.refused) {
				t.Errorf("the join ended with %v, want %s", err, test.refused)
			}
			if made := strings.Join(test.ours.made, " "); made != test.made {
				t.Errorf("made %q, want %q", made, test.made)
			}
		})
	}
}
