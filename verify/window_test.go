package verify_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/verify"
)

// slow is a region whose database takes its time.
type slow struct {
	*region
	takes time.Duration
}

func (s slow) Digest(ctx context.Context, table string, span relay.Span) (relay.SpanDigest, error) {
	if err := relay.Sleep(ctx, relay.SystemClock{}, s.takes); err != nil {
		return relay.SpanDigest{}, err
	}
	return s.region.Digest(ctx, table, span)
}

// TestARunEndsWithItsWindow: what is not compared by then is not, the record says so, and the next run begins when the window opens again.
func TestARunEndsWithItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1, 3, 60, 0) // three chunks
		var began []time.Time
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		s := &verify.Schedule{
			Every: time.Hour, From: 2 * time.Hour, To: 3 * time.Hour, Store: &facts{}, Logger: slog.New(slog.DiscardHandler), Report: func(relay.Problem) {},
			Options: verify.Options{Clock: relay.SystemClock{}},
			Members: func() (list []verify.Member, done func(), err error) {
				if began = append(began, time.Now().UTC()); len(began) == 3 {
					cancel(enough)
				}
				for _, m := range w.members() {
					list = append(list, verify.Member{Name: m.Name, Side: slow{m.Side.(*region), 25 * time.Minute}})
				}
				return list, func() {}, nil
			},
		}
		if err := s.Run(ctx); !errors.Is(err, enough) {
			t.Fatal(err)
		}
		for day, at := range began {
			if want := time.Date(2000, 1, 1+day, 2, 0, 0, 0, time.UTC); !at.Equal(want) {
				t.Errorf("run %d began at %v, want %v", day, at, want)
			}
		}
		for _, v := range s.Verifications() {
			if v.Result == string(verify.Identical) || !strings.Contains(v.Reason, "verify.window closed") || v.Chunks != 2 {
				t.Errorf("%+v", v)
			}
		}
		if n := len(s.Verifications()); n != 2 {
			t.Errorf("%d tables are remembered of two runs", n)
		}
	})
}
