package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/verify"
)

// facts is a Store in memory.
type facts struct {
	relay.Store
	mu    sync.Mutex
	pairs []relay.Pair
}

func (f *facts) Scan(prefix, _ []byte) iter.Seq2[relay.Pair, error] {
	return func(yield func(relay.Pair, error) bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, p := range f.pairs {
			if bytes.HasPrefix(p.Key, prefix) && !yield(p, nil) {
				return
			}
		}
	}
}

func (f *facts) Write(_ context.Context, pairs []relay.Pair) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range pairs {
		f.pairs = slices.DeleteFunc(f.pairs, func(old relay.Pair) bool { return bytes.Equal(old.Key, p.Key) })
		if p.Value != nil {
			f.pairs = append(f.pairs, p)
		}
	}
	return nil
}

// spanned runs a schedule over so many runs, and returns when each began.
func spanned(t *testing.T, s *verify.Schedule, store *facts, clock *instant, runs int) (began []time.Time, problems []relay.Problem) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	s.Store, s.Logger = store, slog.New(slog.DiscardHandler)
	s.Options.Clock = clock
	s.Report = func(p relay.Problem) { problems = append(problems, p) }
	if err := s.Load(); err != nil {
		t.Fatal(err)
	}
	members := s.Members
	s.Members = func() ([]verify.Member, func(), error) {
		if len(began) == runs {
			cancel(enough)
		}
		began = append(began, clock.Now())
		return members()
	}
	if err := s.Run(ctx); !errors.Is(err, enough) {
		t.Fatal(err)
	}
	return began[:runs], problems
}

func TestScheduleKeepsToItsTimesAndRemembers(t *testing.T) {
	w := newWorld(1, 3, 60, 0)
	c := w.regions[1].rows[30]
	c.value = 1 - c.value
	w.regions[1].rows[30] = c
	clock, store := &instant{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}, &facts{}
	begin := func() *verify.Schedule {
		return &verify.Schedule{
			Every: 24 * time.Hour, From: 23 * time.Hour, To: 2 * time.Hour, // over midnight
			Members: func() ([]verify.Member, func(), error) { return w.members(), func() {}, nil },
		}
	}
	first := begin()
	began, problems := spanned(t, first, store, clock, 2)
	if h := began[0].Hour(); h != 23 || began[1].Sub(began[0]) < 24*time.Hour || began[1].Sub(began[0]) > 25*time.Hour {
		t.Errorf("runs began at %v", began)
	}
	list := first.Verifications()
	if len(list) != 2 || list[0].Result != "differs" || list[0].Differences != 1 || !list[0].Began.After(list[1].Began) {
		t.Errorf("%+v", list)
	}
	if len(problems) != 2 || problems[0].Kind != "regions_differ" || problems[0].Subject != "app.t" {
		t.Errorf("problems: %+v", problems)
	}
	again, _ := spanned(t, begin(), store, clock, 1)
	if again[0].Sub(began[1]) < 24*time.Hour {
		t.Errorf("another process began a run at %v, the last one having begun at %v", again[0], began[1])
	}
}

func TestScheduleTriesAgainWhatCouldNotBegin(t *testing.T) {
	clock, store := &instant{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}, &facts{}
	s := &verify.Schedule{Every: 24 * time.Hour, Members: func() ([]verify.Member, func(), error) { return nil, nil, errors.New("no way") }}
	began, problems := spanned(t, s, store, clock, 3)
	if d := began[2].Sub(began[0]); d != 2*time.Minute || len(s.Verifications()) != 0 || problems[0].Kind != "verify_failed" {
		t.Errorf("tried again after %v; %+v; %+v", d, s.Verifications(), problems)
	}
}

// TestScheduleTellsOthers: of a table that differs at each run, once when it is the same again, and then no more. What is told is on disk before the run is remembered.
func TestScheduleTellsOthers(t *testing.T) {
	w := newWorld(1, 3, 60, 0)
	right := w.regions[1].rows[30]
	clock := &instant{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	runs, told := 0, []string(nil)
	s := &verify.Schedule{Every: time.Hour}
	s.Members = func() ([]verify.Member, func(), error) {
		wrong := right
		wrong.value = 1 - wrong.value
		w.regions[1].rows[30] = wrong
		if runs++; runs > 2 {
			w.regions[1].rows[30] = right
		}
		return w.members(), func() {}, nil
	}
	s.Notify = func(e relay.Event) {
		told = append(told, fmt.Sprintf("run %d: %s %s %s, %s of %s", runs, e.Kind, e.Subject, e.Fields["result"], e.Fields["differences"], e.Fields["rows"]))
	}
	s.Told = func(context.Context) error {
		if n := len(s.Verifications()); n != runs-1 {
			t.Errorf("run %d: %d are remembered before others have been told", runs, n)
		}
		return nil
	}
	spanned(t, s, &facts{}, clock, 4)
	if want := []string{
		"run 1: verification app.t differs, 1 of 60", "run 2: verification app.t differs, 1 of 60", "run 3: verification app.t identical, 0 of 60",
	}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// TestScheduleTellsOnceThatNothingCanBegin: again only after a run that could.
func TestScheduleTellsOnceThatNothingCanBegin(t *testing.T) {
	w, runs, told := newWorld(1, 3, 60, 0), 0, []string(nil)
	s := &verify.Schedule{Every: time.Hour, Told: func(context.Context) error { return nil }}
	s.Members = func() ([]verify.Member, func(), error) {
		if runs++; runs == 3 {
			return w.members(), func() {}, nil
		}
		return nil, nil, errors.New("no way")
	}
	s.Notify = func(e relay.Event) {
		told = append(told, fmt.Sprint(runs, " ", e.Kind, " ", e.Detail, " ", e.Fields["result"]))
	}
	spanned(t, s, &facts{}, &instant{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}, 5)
	if want := []string{"1 verification no way failed", "4 verification no way failed"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
