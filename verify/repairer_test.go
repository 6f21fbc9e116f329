package verify_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/verify"
)

// planted is a world at rest in which r2 has another value in row 20, and lacks row 41; in row 31 r3 has another one. It comes with what verify says of that.
func planted(t *testing.T) (*world, *verify.Report) {
	t.Helper()
	w := newWorld(1, 3, 60, 0)
	w.set(2, 20, cell{value: 1, there: true})
	w.set(2, 41, cell{})
	w.set(3, 31, cell{value: 0, there: true})
	r, err := verify.Run(t.Context(), w.members(), verify.Options{Clock: &instant{}})
	if err != nil || len(r.Tables[0].Differences) != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	return w, r
}

func (w *world) set(region relay.Region, row int, c cell) { w.regions[region-1].rows[row] = c }

func (w *world) get(region relay.Region, row int) cell { return w.regions[region-1].rows[row] }

// identical tells whether all regions have the same values.
func (w *world) identical() bool {
	for _, r := range w.regions {
		for row, c := range r.rows {
			if first := w.get(1, row); c.value*bit(c.there) != first.value*bit(first.there) || c.there != first.there {
				return false
			}
		}
	}
	return true
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// repairer writes down what it is about to do, and what it said.
type repairer struct {
	verify.Repairer
	said    []string
	record  []verify.Change
	skipped []error
}

func newRepairer(w *world, choose verify.Choice) *repairer {
	p := new(repairer)
	p.Repairer = verify.Repairer{
		Members: w.members(), Choose: choose,
		Record: func(c verify.Change) error {
			p.record = append(p.record, c)
			return nil
		},
		Told: func(c verify.Change, err error) {
			var b strings.Builder
			_ = c.WriteText(&b)
			if err != nil {
				b.WriteString(err.Error())
			}
			p.said = append(p.said, strings.TrimSpace(b.String()))
		},
		Skipped: func(_ string, _ *verify.Difference, why error) { p.skipped = append(p.skipped, why) },
	}
	return p
}

// exactly are the changes that make a planted world what r1 is.
var exactly = []string{
	`r2: app.t id="20" UPDATE v: "1" -> "0"`,
	`r2: app.t id="41" INSERT v="1"`,
	`r3: app.t id="31" UPDATE v: "0" -> "1"`,
}

// TestADryRunShowsTheChangesAndMakesNone: what it shows is what the repair then does.
func TestADryRunShowsTheChangesAndMakesNone(t *testing.T) {
	w, report := planted(t)
	dry := newRepairer(w, verify.From("r1"))
	dry.DryRun = true
	o, err := dry.Run(t.Context(), report)
	slices.Sort(dry.said)
	if err != nil || o.Changed != 3 || !slices.Equal(dry.said, exactly) {
		t.Errorf("%+v, %v, %q", o, err, dry.said)
	}
	if again, err := verify.Run(t.Context(), w.members(), verify.Options{Clock: &instant{}}); err != nil || len(again.Tables[0].Differences) != 3 || len(dry.record) != 0 {
		t.Errorf("the dry run has changed something: %+v, %v", again, err)
	}
	made := newRepairer(w, verify.From("r1"))
	o, err = made.Run(t.Context(), report)
	slices.Sort(made.said)
	if err != nil || o.Changed != 3 || !slices.Equal(made.said, exactly) || !w.identical() {
		t.Errorf("%+v, %v, %q", o, err, made.said)
	}
}

// TestChoicesOfARepair: each says which row stands, here of row 20, where r2 is the odd one out.
func TestChoicesOfARepair(t *testing.T) {
	for name, test := range map[string]struct {
		choose verify.Choice
		value  int
	}{
		"newest": {verify.Newest, 0}, // no log knows: what most regions have
		"region": {verify.From("r2"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			w, report := planted(t)
			if o, err := newRepairer(w, test.choose).Run(t.Context(), report); err != nil || o.Failed+o.Skipped != 0 {
				t.Fatal(o, err)
			}
			if got := w.get(1, 20); got.value != test.value || !got.there || !w.identical() {
				t.Errorf("%+v stands, the same everywhere: %v", got, w.identical())
			}
		})
	}
}

// TestRowsThatAreSkippedStay: nobody chose.
func TestRowsThatAreSkippedStay(t *testing.T) {
	w, report := planted(t)
	nobody := func(string, *verify.Difference) (int, error) { return 0, verify.ErrSkip }
	o, err := newRepairer(w, nobody).Run(t.Context(), report)
	if err != nil || o != (verify.Outcome{Skipped: 3}) || w.identical() {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestARepairTouchesOnlyWhatWasCompared: a row that is no longer as it was compared is left alone, whether it has changed before it is looked at or before it is written.
func TestARepairTouchesOnlyWhatWasCompared(t *testing.T) {
	w, report := planted(t)
	w.set(1, 20, cell{}) // r1's row shall stand, and has been deleted since
	p := newRepairer(w, verify.From("r1"))
	write := p.Record
	p.Record = func(c verify.Change) error {
		if c.Region == "r3" {
			w.set(3, 31, cell{}) // between the look and the write
		}
		return write(c)
	}
	o, err := p.Run(t.Context(), report)
	if err != nil || o.Changed != 1 || o.Failed != 1 || o.Skipped != 1 {
		t.Errorf("%+v, %v", o, err)
	}
	if len(p.skipped) != 1 || !errors.Is(p.skipped[0], relay.ErrChanged) {
		t.Errorf("left as they are: %v", p.skipped)
	}
	if got := w.get(2, 20); got.value != 1 || w.get(3, 31).there {
		t.Errorf("rows that have changed were written: %+v, %+v", got, w.get(3, 31))
	}
}

// TestEveryChangeIsWrittenDownFirst: with the row as it was and as it shall be. A change that cannot be written down is not made.
func TestEveryChangeIsWrittenDownFirst(t *testing.T) {
	w, report := planted(t)
	p, full := newRepairer(w, verify.From("r1")), errors.New("the disk is full")
	write := p.Record
	p.Record = func(c verify.Change) error {
		if len(p.record) == 1 {
			return full
		}
		if c.Region == "r2" && c.Was != nil && w.get(2, 20).value != 1 {
			t.Error("the row was written before that was written down")
		}
		return write(c)
	}
	if o, err := p.Run(t.Context(), report); !errors.Is(err, full) || o.Changed != 1 {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestUndoTakesBackWhatIsStillThere: rows that were written since the repair stay.
func TestUndoTakesBackWhatIsStillThere(t *testing.T) {
	w, report := planted(t)
	p := newRepairer(w, verify.From("r1"))
	if _, err := p.Run(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	w.set(3, 31, cell{}) // an application has deleted it
	back := newRepairer(w, nil)
	o, err := back.Undo(t.Context(), p.record)
	if err != nil || o.Changed != 2 || o.Failed != 1 {
		t.Errorf("%+v, %v", o, err)
	}
	if got := w.get(2, 20); got.value != 1 || w.get(2, 41).there || w.get(3, 31).there {
		t.Errorf("taken back: %+v, %+v, %+v", got, w.get(2, 41), w.get(3, 31))
	}
}
