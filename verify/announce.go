package verify

import (
	"context"
	"slices"
	"strconv"

	"github.com/octant-db/octant/relay"
)

// announce tells others of the tables that differ or could not be judged, and of those that are the same everywhere again. It returns when that is on disk. The
// run is remembered only then: if the relay dies in between it is made again, and told again.
func (s *Schedule) announce(ctx context.Context, run []relay.Verification) error {
	if s.Notify == nil {
		return nil
	}
	for i := range run {
		v := &run[i]
		if wrong(v.Result) || wrong(s.before(v.Table)) {
			s.Notify(eventOf(v))
		}
	}
	s.failing = false
	return s.Told(ctx)
}

// announceFailure tells others of a run that cannot begin, once until one can.
func (s *Schedule) announceFailure(reason string) {
	if s.Notify != nil && !s.failing {
		s.Notify(relay.Event{Kind: relay.VerificationEvent, Subject: "verify", Detail: reason, Fields: map[string]string{"result": "failed"}})
	}
	s.failing = true
}

func wrong(result string) bool { return result == string(Differs) || result == string(Unsettled) }

// before is how a table came out last, "" if it never did.
func (s *Schedule) before(table string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, run := range slices.Backward(s.runs) {
		for _, v := range run {
			if v.Table == table {
				return v.Result
			}
		}
	}
	return ""
}

func eventOf(v *relay.Verification) relay.Event {
	e := relay.Event{Kind: relay.VerificationEvent, Subject: v.Table, Detail: v.Reason, At: v.Began, Fields: map[string]string{
		"result": v.Result, "rows": strconv.FormatUint(v.Rows, 10), "differences": strconv.Itoa(v.Differences), "unsettled": strconv.Itoa(v.Unsettled),
	}}
	if e.Detail == "" && v.Result == string(Identical) {
		e.Detail = "the regions are identical again"
	} else if e.Detail == "" {
		e.Detail = detail(v)
	}
	return e
}
