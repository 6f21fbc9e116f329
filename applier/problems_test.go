package applier_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// unreadable is a decoder that cannot read anything for a while.
type unreadable struct {
	decoder
	now *atomic.Bool
}

func (u unreadable) Changes(body relay.Body) iter.Seq2[relay.Change, error] {
	if u.now.Load() {
		return func(yield func(relay.Change, error) bool) { yield(relay.Change{}, errMalformed) }
	}
	return u.decoder.Changes(body)
}

// TestAnEntryThatCannotBeMergedIsTold: nothing is left out, and nothing behind it is merged; it goes on by itself when the cause is mended.
func TestAnEntryThatCannotBeMergedIsTold(t *testing.T) {
	b := newBed(t, 2)
	var broken atomic.Bool
	b.config = func(c *applier.Config) {
		c.Decoders = map[relay.Flavour]relay.Decoder{flavour: unreadable{now: &broken}}
	}
	b.start().settle()
	broken.Store(true)
	merged := b.a.Merged()
	b.d.local("1||a")
	b.d.local("2||a")
	p := b.told("merge_held")
	if want := fmt.Sprintf("entry %d: ", merged+1); !strings.HasPrefix(p.Detail, want) || !strings.Contains(p.Detail, errMalformed.Error()) || p.Remedy == "" {
		t.Errorf("told is %+v, want a detail that begins with %q", p, want)
	}
	if at := b.a.Merged(); at != merged {
		t.Errorf("merged up to %d, and entry %d cannot be read", at, merged+1)
	}
	broken.Store(false)
	b.converged()
}

// TestARepairThatIsHeldUpIsTold: the database fails in a way that is no refusal of a row. The repair is tried until it succeeds.
func TestARepairThatIsHeldUpIsTold(t *testing.T) {
	b := newBed(t, 2)
	var broken atomic.Bool
	broken.Store(true)
	b.d.onWrite = func(_ context.Context, m relay.Mark) error {
		if m.Repair() && broken.Load() {
			return errors.New("the disk is on fire")
		}
		return nil
	}
	b.d.trigger = func(m relay.Mark) string { // makes another row of it
		if m.Repair() {
			return ""
		}
		return b.d.set("app.t", "1", "1||triggered")
	}
	b.start()
	b.receive(2, now(), nil, insert("1||b"))
	if p := b.told("repair_held"); !strings.Contains(p.Detail, "the disk is on fire") || p.Remedy == "" {
		t.Errorf("told is %+v", p)
	}
	if b.settled() {
		t.Error("nothing is left to repair")
	}
	broken.Store(false)
	b.converged()
}

// texts has the columns of rows, none of which is a number.
type texts struct{}

func (texts) Cells(img relay.Image) ([][]byte, error) {
	var cells [][]byte
	for cell := range strings.SplitSeq(string(img), "|") {
		cells = append(cells, []byte(cell))
	}
	return cells, nil
}

func (texts) Join(_ relay.Image, cells [][]byte) (relay.Image, error) {
	var list []string
	for _, cell := range cells {
		list = append(list, string(cell))
	}
	return relay.Image(strings.Join(list, "|")), nil
}

func (texts) Number(int, relay.Value) ([]byte, error) {
	return nil, errors.New("no column is a number")
}

// textDecoder describes tables so that their rows can be taken apart.
type textDecoder struct{ decoder }

func (d textDecoder) Changes(body relay.Body) iter.Seq2[relay.Change, error] {
	return func(yield func(relay.Change, error) bool) {
		for c, err := range d.decoder.Changes(body) {
			if err == nil && c.Table != nil {
				c.Table.Composer = texts{}
				c.Table.Decode = func(img relay.Image) ([]relay.Value, error) {
					cells, err := texts{}.Cells(img)
					values := make([]relay.Value, len(cells))
					for i := range cells {
						values[i] = relay.Value{Kind: relay.Text, Bytes: cells[i]}
					}
					return values, err
				}
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// counts is rules by which a column is counted with.
type counts struct{ tornRules }

func (counts) Of(string, string) applier.Rule {
	return applier.Rule{Policy: conflict.Merge, Counters: []string{"v"}}
}

// TestARuleThatDoesNotFitIsTold: a rule has a column added up that is text. The later write of it counts.
func TestARuleThatDoesNotFitIsTold(t *testing.T) {
	b := newBed(t, 2)
	b.config = func(c *applier.Config) {
		c.Rules, c.Decoders = counts{}, map[relay.Flavour]relay.Decoder{flavour: textDecoder{}}
	}
	b.start()
	b.d.local("1||a")
	b.settle()
	seen := b.d.clock()
	b.d.local("1||a again")
	b.settle()
	b.receive(2, seen+1e6, relay.Vector{0, seen}, update("1||a", "1||b"))
	p := b.told("rule_unfit")
	if p.Subject != "app.t" || !strings.HasPrefix(p.Detail, "column v: ") || !strings.Contains(p.Remedy, "[[rule]]") {
		t.Errorf("told is %+v", p)
	}
	b.settle()
	if got := b.d.row("app.t", "1"); got != "1||b" {
		t.Errorf("the row is %q, want the later write of the column", got)
	}
}

// told waits until a problem is told.
func (b *bed) told(kind string) relay.Problem {
	b.t.Helper()
	var p relay.Problem
	eventually(b.t, "the problem "+kind, func() (told bool) {
		p, told = b.problem(kind)
		return told
	})
	return p
}
