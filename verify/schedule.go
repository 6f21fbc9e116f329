package verify

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/octant-db/octant/relay"
)

// Schedule compares the regions again and again, and remembers how that came out.
type Schedule struct {
	Every    time.Duration // from one run's beginning to the next one's; 0: never
	From, To time.Duration // since midnight UTC, when it may run; both 0: at any time
	Options  Options
	// Members are the regions; done is called when the run is over.
	Members func() (members []Member, done func(), err error)
	Store   relay.Store
	Report  func(relay.Problem)
	// Notify is told of tables that differ or could not be judged, and Told waits until that is on disk; nil: nobody is told.
	Notify relay.Notify
	Told   relay.Told
	Logger *slog.Logger

	failing bool // others have been told that no run can begin

	mu   sync.Mutex
	runs [][]relay.Verification // the oldest first
}

// keptRuns is how many runs are remembered.
const keptRuns = 50

// runPrefix is where runs are in the store, by their ids.
var runPrefix = []byte("V")

func runKey(id uint64) []byte { return binary.BigEndian.AppendUint64([]byte("V"), id) }

// Load reads what earlier processes have remembered.
func (s *Schedule) Load() error {
	for pair, err := range s.Store.Scan(runPrefix, nil) {
		var run []relay.Verification
		if err == nil {
			err = json.Unmarshal(pair.Value, &run)
		}
		if err != nil {
			return fmt.Errorf("read earlier comparisons: %w", err)
		}
		s.runs = append(s.runs, run)
	}
	return nil
}

// Verifications lists how tables came out, the newest run first.
func (s *Schedule) Verifications() []relay.Verification {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []relay.Verification
	for _, run := range slices.Backward(s.runs) {
		list = append(list, run...)
	}
	return list
}

// Run compares whenever it is time, until ctx ends.
func (s *Schedule) Run(ctx context.Context) error {
	if s.Every <= 0 {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	for {
		due := s.due(s.Options.Clock.Now())
		if err := relay.Sleep(ctx, s.Options.Clock, due.Sub(s.Options.Clock.Now())); err != nil {
			return err
		}
		if err := s.once(ctx); err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		} else if err != nil {
			s.Logger.Warn("compare the regions", "error", err)
		}
	}
}

// due is when the next run begins: now or later.
func (s *Schedule) due(now time.Time) time.Time {
	due := now
	s.mu.Lock()
	if n := len(s.runs); n > 0 && len(s.runs[n-1]) > 0 {
		due = s.runs[n-1][0].Began.Add(s.Every)
	}
	s.mu.Unlock()
	if due.Before(now) {
		due = now
	}
	return s.open(due)
}

const day = 24 * time.Hour

// open is the first moment from t on that is within the window.
func (s *Schedule) open(t time.Time) time.Time {
	if s.From == s.To || s.left(t) > 0 {
		return t
	}
	midnight := t.UTC().Truncate(day)
	if from := midnight.Add(s.From); !from.Before(t) {
		return from
	}
	return midnight.Add(day + s.From)
}

// left is how much of the window is left at t; 0: it is closed.
func (s *Schedule) left(t time.Time) time.Duration {
	length := (s.To - s.From + day) % day
	into := (t.UTC().Sub(t.UTC().Truncate(day)) - s.From + day) % day
	return max(0, length-into)
}

// errWindow ends a run that takes too long.
var errWindow = errors.New("verify.window closed before all tables were compared")

// once makes a run and remembers it.
func (s *Schedule) once(ctx context.Context) error {
	began := s.Options.Clock.Now()
	within := ctx
	if s.From != s.To {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeoutCause(ctx, s.left(began), errWindow)
		defer cancel()
	}
	report, err := s.compare(within)
	if ctx.Err() != nil {
		return err
	}
	if len(report.Tables) == 0 {
		return s.postpone(ctx, err)
	}
	run := s.judge(report, began, err)
	told := s.announce(ctx, run)
	s.mu.Lock()
	s.runs = append(s.runs, run)
	gone := max(0, len(s.runs)-keptRuns)
	pairs := make([]relay.Pair, 0, gone+1)
	for _, old := range s.runs[:gone] {
		pairs = append(pairs, relay.Pair{Key: runKey(old[0].ID)})
	}
	s.runs = slices.Delete(s.runs, 0, gone)
	s.mu.Unlock()
	data, failed := json.Marshal(run)
	if failed == nil {
		failed = s.Store.Write(ctx, append(pairs, relay.Pair{Key: runKey(run[0].ID), Value: data}))
	}
	return errors.Join(err, told, failed)
}

// retryAfter is how long is waited after a run that could not even begin.
const retryAfter = time.Minute

// postpone waits before a run is tried again that could not begin, and tells why. Nothing is remembered of it.
func (s *Schedule) postpone(ctx context.Context, err error) error {
	if err == nil {
		err = errors.New("there are no replicated tables")
	}
	s.announceFailure(err.Error())
	s.Report(relay.Problem{
		Kind: "verify_failed", Subject: "verify", Detail: err.Error(), Remedy: "mend the cause; it is tried again every minute within verify.window",
	})
	return errors.Join(err, relay.Sleep(ctx, s.Options.Clock, retryAfter))
}

func (s *Schedule) compare(ctx context.Context) (*Report, error) {
	members, done, err := s.Members()
	if err != nil {
		return &Report{}, err
	}
	defer done()
	return Run(ctx, members, s.Options)
}

// judge turns a report into what is remembered, and tells the operator of what is wrong.
func (s *Schedule) judge(r *Report, began time.Time, err error) []relay.Verification {
	id := uint64(began.UnixMicro())
	var run []relay.Verification
	for i := range r.Tables {
		t := &r.Tables[i]
		v := relay.Verification{
			ID: id, Began: began, Table: t.Table, Result: string(t.Result), Reason: t.Reason, Rows: t.Rows, Chunks: t.Chunks,
			Differences: len(t.Differences) + t.More, Unsettled: t.Unsettled, Rewritten: t.Rewritten, Seconds: t.Seconds,
		}
		run = append(run, v)
		if t.Result == Differs {
			s.Report(relay.Problem{
				Kind: "regions_differ", Subject: t.Table, Detail: detail(&v),
				Remedy: "look with octant verify " + t.Table + " and mend it with octant repair",
			})
		}
	}
	if err != nil {
		run[len(run)-1].Reason = err.Error() // the table at which the run ended
	}
	return run
}

func detail(v *relay.Verification) string {
	if v.Reason != "" {
		return v.Reason
	}
	return count(v.Differences, "row differs between the regions", "rows differ between the regions")
}
