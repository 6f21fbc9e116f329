package relay

import (
	"errors"
	"fmt"
)

// vanguard is what a publication sends before it is on this relay's disk. It remembers what was sent and is not confirmed.
type vanguard interface {
	// comes returns a channel that is closed when there may be something to take or to confirm, nil if there never is.
	comes() <-chan struct{}
	// take returns the transaction, if it is to be sent ahead now.
	take(Seq) (Transaction, Body, bool)
	// confirm returns up to which transaction the subscriber is to be told that they are durable now that all up to last are; 0: there is none. An error says that what was sent
	// is lost.
	confirm(last Seq) (Seq, error)
}

// nothingAhead sends what is durable.
type nothingAhead struct{}

func (nothingAhead) comes() <-chan struct{}             { return nil }
func (nothingAhead) take(Seq) (Transaction, Body, bool) { return Transaction{}, nil, false }
func (nothingAhead) confirm(Seq) (Seq, error)           { return 0, nil }

// upcoming sends small transactions while they are being made durable: the subscriber makes them durable and writes them at the same time, and commits them when they are confirmed.
type upcoming struct {
	region Region
	log    Upcoming
	sent   Seq    // the last one that was sent ahead
	known  Seq    // the last one that was confirmed
	losses uint64 // of the log, when the first one was sent that is not confirmed
}

// vanguard is how the subscriber can be sent transactions ahead.
func (r *Relay) vanguard(subscriber Hello) vanguard {
	if version, err := Agree(subscriber, r.Self()); err != nil || version < feedAhead {
		return nothingAhead{}
	}
	return &upcoming{region: r.cfg.Region, log: r.cfg.Log.Local()}
}

func (u *upcoming) comes() <-chan struct{} { return u.log.Comes() }

func (u *upcoming) take(seq Seq) (Transaction, Body, bool) {
	if u.sent > u.known && u.sent-u.known >= MaxAhead {
		return Transaction{}, nil, false
	}
	losses := u.log.Losses()
	e, body, ok := u.log.Coming(seq)
	if !ok || e.Size > MaxAheadBytes {
		return Transaction{}, nil, false
	}
	if u.sent <= u.known {
		u.known, u.losses = seq-1, losses
	}
	u.sent = seq
	return e.Transaction(u.region), body, true
}

var errTakenBack = errors.New("what was sent ahead could not be written to this relay's log")

func (u *upcoming) confirm(last Seq) (Seq, error) {
	if u.sent <= u.known {
		return 0, nil
	}
	// Something else can only be durable in the place of what was sent if that has been lost before.
	if u.log.Losses() != u.losses {
		return 0, fmt.Errorf("send transactions %d to %d: %w", u.known+1, u.sent, errTakenBack)
	}
	through := min(last, u.sent)
	if through <= u.known {
		return 0, nil
	}
	u.known = through
	return through, nil
}
