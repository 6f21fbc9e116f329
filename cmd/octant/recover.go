package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// runRecover gives this region's database back what it has lost and the relay's log still has. No relay may run meanwhile, and no application write.
func runRecover(ctx context.Context, args []string) error {
	cfg, err := parseWithConfig(newFlags("recover"), args)
	if err != nil {
		return err
	}
	log := newLogger(os.Stderr, cfg.Log).With("region", cfg.Region.Name)
	defer keepRoom(ctx)()
	var syncs atomic.Uint64
	store, err := openLog(cfg, &syncs, log)
	if err != nil {
		return err
	}
	return errors.Join(recoverWith(ctx, cfg, store, log), store.Close())
}

func recoverWith(ctx context.Context, cfg *config.Config, store *relaylog.DB, log *slog.Logger) (err error) {
	if err := refuseUnfinished(store); err != nil {
		return err
	}
	e, err := engines[cfg.Database.Flavour](ctx, cfg, store, log)
	if err != nil {
		return err
	}
	db, err := e.connect(ctx, cfg.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	r := &recovery{store: store, restorer: db.restorer}
	switch restorer := db.restorer.(type) {
	case relay.Replayer:
		r.way = &replaying{restorer: restorer}
	case relay.Rewriter:
		r.way = &rewriting{store: store, restorer: restorer, prepare: db.ready, copier: db.copier, redo: applier.NewRedo(applier.Config{
			Self: cfg.Region.ID, Flavour: e.flavour, Target: db.target, Decoders: e.decoders, Include: cfg.Database.Tables.Match, Clock: relay.SystemClock{}, Logger: log,
		})}
	default:
		return errors.New("recover: this kind of database cannot be given back what it has lost; load this region again: octant join --replace")
	}
	n, err := r.run(ctx)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	fmt.Printf("the database has %d transactions back; octant run goes on from here\n", n)
	return nil
}

// recovery is one run of octant recover.
type recovery struct {
	store    *relaylog.DB
	restorer relay.Restorer
	way      wayBack
	note     recoveryNote
}

// wayBack is how entries are given back.
type wayBack interface {
	// covers tells which entries.
	covers(*relay.Entry) bool
	check(context.Context, *relay.Entry, relay.Body) error
	open(context.Context) error
	take(context.Context, *relay.Entry, relay.Body) error
	finish(context.Context) error
	close() error
}

// recoveryNote is written down before the database is changed, so that a recovery that was killed is begun again where it began: what it has written since looks as if
// somebody had written there.
type recoveryNote struct {
	Kept relay.LSN
	Next relay.Position
}

var recoveryKey = []byte("K")

// run gives everything back, and returns how many transactions that were.
func (r *recovery) run(ctx context.Context) (given int, err error) {
	if err := r.begin(ctx); err != nil {
		return 0, err
	}
	if _, err := r.each(ctx, r.way.check); err != nil {
		return 0, fmt.Errorf("%w: run octant join --replace instead", err)
	}
	if err := r.save(ctx); err != nil {
		return 0, err
	}
	if given, err = r.give(ctx); err != nil {
		return given, err
	}
	behind, err := r.restorer.Behind(ctx, r.store, r.note.Next)
	if err == nil {
		err = r.store.Reposition(ctx, behind)
	}
	if err == nil {
		err = r.store.Write(ctx, []relay.Pair{{Key: recoveryKey}})
	}
	return given, err
}

// give writes what is lost.
func (r *recovery) give(ctx context.Context) (int, error) {
	if err := r.way.open(ctx); err != nil {
		return 0, err
	}
	given, err := r.each(ctx, r.way.take)
	if err == nil {
		err = r.way.finish(ctx)
	}
	return given, errors.Join(err, r.way.close())
}

// begin finds out what is lost, unless an earlier run has.
func (r *recovery) begin(ctx context.Context) error {
	data, err := r.store.Get(recoveryKey)
	switch {
	case err == nil:
		return json.Unmarshal(data, &r.note)
	case !errors.Is(err, relay.ErrNotFound):
		return err
	}
	r.note.Kept, r.note.Next, err = r.restorer.Kept(ctx, r.store)
	return err
}

func (r *recovery) save(ctx context.Context) error {
	data, err := json.Marshal(r.note)
	if err != nil {
		return err
	}
	return r.store.Write(ctx, []relay.Pair{{Key: recoveryKey, Value: data}})
}

// each passes the entries that the database has lost, and counts the transactions.
func (r *recovery) each(ctx context.Context, do func(context.Context, *relay.Entry, relay.Body) error) (count int, err error) {
	local := r.store.Local()
	for lsn := r.note.Kept + 1; lsn <= relay.LSN(local.Last()); lsn++ {
		e, body, err := local.Entry(lsn)
		if err != nil {
			return count, err
		}
		if !r.way.covers(&e) {
			continue
		}
		if err := do(ctx, &e, body); err != nil {
			return count, fmt.Errorf("entry %d (%s): %w", lsn, e.GTID, err)
		}
		count++
	}
	return count, nil
}

// refuseUnrecovered keeps a relay from working with a database that has got back only a part of what it had lost.
func refuseUnrecovered(store *relaylog.DB) error {
	switch _, err := store.Get(recoveryKey); {
	case errors.Is(err, relay.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return errors.New("octant recover has begun to give the database back what it had lost, and has not come to the end: run it again")
}
