package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/octant-db/octant/relay"
)

// lettersShown is how many a page has; the oldest come first, so that those behind move up.
const lettersShown = 50

// lettersPage is the rows that the local database refuses, and what is left alone for a while.
type lettersPage struct {
	frame
	Rows     []letterRow
	Total    int
	Reasons  []reasonCount
	Breakers []breakerRow // that are not closed
	Error    string
}

type letterRow struct {
	relay.DeadLetter
	Columns []columnPair
	Deleted bool // the row should not be there
	Skipped bool
	From    string
	WroteAt time.Time
}

type reasonCount struct {
	Reason relay.Reason
	Count  int
}

type breakerRow struct {
	relay.BreakerStatus
	Mood mood
	In   time.Duration // until it is tried again
}

func (c *Console) letters(w http.ResponseWriter, r *http.Request, s *session) {
	p := lettersPage{frame: c.frame("Dead letters", "/letters", s)}
	for reason, n := range c.cfg.Inspector.LetterCounts() {
		p.Reasons = append(p.Reasons, reasonCount{reason, n})
		p.Total += n
	}
	slices.SortFunc(p.Reasons, func(a, b reasonCount) int { return strings.Compare(string(a.Reason), string(b.Reason)) })
	names := c.regionNames()
	for one, err := range c.cfg.Inspector.DeadLetters(r.Context()) {
		if err != nil {
			c.cfg.Logger.Warn("read the dead letters", "error", err)
			p.Error = "The dead letters could not all be read: " + err.Error()
			break
		}
		if len(p.Rows) == lettersShown {
			break
		}
		p.Rows = append(p.Rows, letterRow{
			DeadLetter: one, Columns: pair(one.Row, ""), Deleted: one.Row == "", Skipped: one.State == "skipped",
			From: nameOf(names, one.Region), WroteAt: time.UnixMicro(int64(one.Version.HLC)).UTC(),
		})
	}
	p.Breakers = c.openBreakers()
	c.show(w, http.StatusOK, "letters", p)
}

// openBreakers are those that hold something back, or are just trying.
func (c *Console) openBreakers() []breakerRow {
	var list []breakerRow
	for _, b := range c.cfg.Inspector.Breakers() {
		switch b.State {
		case "open":
			list = append(list, breakerRow{b, bad, b.Next.Sub(c.cfg.Now())})
		case "half-open":
			list = append(list, breakerRow{b, warn, 0})
		}
	}
	return list
}

// dealWith is an action on a letter, and what is said of it.
type dealWith struct {
	word, done string
	do         func(ctx context.Context, id uint64, r *http.Request) error
}

func (c *Console) letterActions() map[string]dealWith {
	return map[string]dealWith{
		"retry": {"retry", "Letter %d has been tried again, and the database has taken the row.",
			func(ctx context.Context, id uint64, _ *http.Request) error {
				return c.cfg.Controller.RetryLetter(ctx, id)
			}},
		"skip": {"skip", "Letter %d is skipped: the row stays as it stands here, until it is written again somewhere.",
			func(ctx context.Context, id uint64, _ *http.Request) error {
				return c.cfg.Controller.SkipLetter(ctx, id)
			}},
		"resolve": {"resolve", "The row of letter %d has been written as you gave it, in every region.", c.resolve},
	}
}

var errEmptyRow = errors.New("the row is empty: write it as a JSON object, or tick the box to delete it")

// resolve writes the row that the form has, or deletes it if the form says so.
func (c *Console) resolve(ctx context.Context, id uint64, r *http.Request) error {
	row, err := givenRow(r)
	if err != nil {
		return err
	}
	return c.cfg.Controller.EditLetter(ctx, id, row)
}

// onLetter does what a form asks for, and says on the next page what came of it.
func (c *Console) onLetter(action dealWith) sessionHandler {
	return func(w http.ResponseWriter, r *http.Request, s *session) {
		id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
		if err != nil {
			c.refuse(w, r, s, http.StatusNotFound, "There is no such letter.")
			return
		}
		err = action.do(r.Context(), id, r)
		c.cfg.Logger.Info("a user steers the relay", "user", s.user, "host", hostOf(r), "action", action.word, "letter", id, "error", err)
		switch {
		case errors.Is(err, relay.ErrNotFound):
			s.say(notice{Text: fmt.Sprintf("Letter %d is not there any more: the row is as it should be, or was written again.", id)})
		case err != nil:
			s.say(notice{Text: fmt.Sprintf("Could not %s letter %d: %v", action.word, id, err), Bad: true})
		default:
			s.say(notice{Text: fmt.Sprintf(action.done, id)})
		}
		http.Redirect(w, r, "/letters", http.StatusSeeOther)
	}
}
