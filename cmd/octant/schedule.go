package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/verify"
	"github.com/octant-db/octant/webhook"
)

// newSchedule makes what compares the regions by itself, if the configuration wants that.
func newSchedule(cfg *config.Config, l *live, store relay.Store, hooks *webhook.Sender, log *slog.Logger) (*verify.Schedule, error) {
	v := cfg.Verify
	s := &verify.Schedule{
		Every: v.Every, From: v.From, To: v.To, Store: store, Logger: log,
		Options: verify.Options{Tables: v.Tables, Rate: v.Rate, Patience: v.Patience, Clock: relay.SystemClock{}, Agree: values.Agree},
		Report:  func(p relay.Problem) { l.now().Report(p) },
		Notify:  hooks.Notify, Told: hooks.Flush,
		Members: func() ([]verify.Member, func(), error) { return membersFrom(cfg, l) },
	}
	return s, s.Load()
}

// membersFrom are the regions as the running relay sees them: its own from inside.
func membersFrom(cfg *config.Config, l *live) ([]verify.Member, func(), error) {
	side := l.now().side
	if side == nil {
		return nil, nil, errors.New("tables of this kind of database cannot be compared")
	}
	others := l.peerList()
	if len(others) == 0 {
		return nil, nil, errors.New("there is no other region: see [[peer]]")
	}
	peers, closeAll, err := peerMembers(cfg.PeerTLS, others, relay.Peer{})
	return append([]verify.Member{{Name: cfg.Region.Name, Side: side}}, peers...), closeAll, err
}

// inspector shows the relay with what has been compared.
type inspector struct {
	*live
	schedule *verify.Schedule
}

// Verifications lists how tables came out, the newest first.
func (i inspector) Verifications() []relay.Verification { return i.schedule.Verifications() }

// runSchedule compares until ctx ends. It is no reason for the relay to end if it cannot.
func runSchedule(ctx context.Context, s *verify.Schedule) error {
	err := s.Run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}
