package console

import (
	"net/http"
	"time"

	"github.com/octant-db/octant/relay"
)

// verifier is an Inspector that knows how comparisons of the regions came out, the newest first.
type verifier interface{ Verifications() []relay.Verification }

// verificationsPage is how each table came out the last time, and the runs before.
type verificationsPage struct {
	frame
	Latest []verificationRow
	Runs   []runRow
}

type verificationRow struct {
	relay.Verification
	Mood mood
}

// runRow is one comparison of all tables that were chosen.
type runRow struct {
	ID                   uint64
	Began                time.Time
	Tables, Same, Differ int
	Mood                 mood
}

// runsShown is how many earlier runs a page has.
const runsShown = 20

func (c *Console) verifications(w http.ResponseWriter, _ *http.Request, s *session) {
	p := verificationsPage{frame: c.frame("Verification", "/verify", s)}
	list := c.verified()
	for _, v := range latest(list) {
		p.Latest = append(p.Latest, verificationRow{v, moodOfResult(v.Result)})
	}
	p.Runs = runsOf(list)
	c.show(w, http.StatusOK, "verify", p)
}

// verified is what is known of comparisons, the newest first; nothing if the relay makes none by itself.
func (c *Console) verified() []relay.Verification {
	if v, ok := c.cfg.Inspector.(verifier); ok {
		return v.Verifications()
	}
	return nil
}

// latest is the newest result of each table.
func latest(list []relay.Verification) []relay.Verification {
	seen := map[string]bool{}
	var newest []relay.Verification
	for _, v := range list {
		if !seen[v.Table] {
			seen[v.Table] = true
			newest = append(newest, v)
		}
	}
	return newest
}

// differing counts the tables whose newest comparison found differences.
func differing(list []relay.Verification) (n int) {
	for _, v := range latest(list) {
		if v.Result == "differs" {
			n++
		}
	}
	return n
}

func runsOf(list []relay.Verification) []runRow {
	var runs []runRow
	for _, v := range list {
		if len(runs) == 0 || runs[len(runs)-1].ID != v.ID {
			if len(runs) == runsShown {
				break
			}
			runs = append(runs, runRow{ID: v.ID, Began: v.Began, Mood: good})
		}
		run := &runs[len(runs)-1]
		run.Tables++
		switch moodOfResult(v.Result) {
		case good:
			run.Same++
		case bad:
			run.Differ++
			run.Mood = bad
		case warn:
			if run.Mood == good {
				run.Mood = warn
			}
		}
	}
	return runs
}

func moodOfResult(result string) mood {
	switch result {
	case "identical":
		return good
	case "skipped":
		return idle
	case "differs":
		return bad
	}
	return warn // unsettled, failed
}
