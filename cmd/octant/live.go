package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/join"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/webhook"
)

// live is the relay as others see it while the database behind it may be changed for another one. That makes a new relay.Relay over the
// same log: what stands in between, such as the replicas that read the log, does not notice.
type live struct {
	cfg   *config.Config
	build func(context.Context, config.Database, []config.Peer) (*generation, error)
	// promise makes a clock value durable behind everything that was written to the log before.
	promise func(context.Context, relay.HLC) error
	log     *slog.Logger
	hooks   *webhook.Sender

	changing sync.Mutex // held while the database is changed
	mu       sync.RWMutex
	current  *generation
	next     chan struct{}   // another one has become the current one, and is to be run
	lost     chan error      // why none can take over
	database config.Database // of the current one
	peers    []config.Peer   // of the current one; mu guards it
	group    *config.Config  // that says so, if it is not cfg; changing guards it
}

// generation is a relay that works with one server.
type generation struct {
	*relay.Relay
	database *database
	side     relay.Comparison // nil: its tables cannot be compared
	donor    *join.Donor      // nil: no region can join from here
	ctx      context.Context  // ends when it must stop
	stop     context.CancelCauseFunc
	ended    chan struct{} // closed when it has stopped, its connections included
}

// errMoved stops a generation because another one takes over.
var errMoved = errors.New("the relay goes over to another database")

// newLive makes the first generation.
func newLive(ctx context.Context, l *live) (*live, error) {
	l.next, l.lost = make(chan struct{}, 1), make(chan error, 1)
	l.database, l.peers = l.cfg.Database, l.cfg.Peers
	first, err := l.build(ctx, l.database, l.peers)
	l.current = first
	return l, err
}

// run lets one generation work after the other until ctx ends or one of them fails.
func (l *live) run(ctx context.Context) error {
	for {
		g := l.now()
		err := g.run(ctx)
		close(g.ended)
		if ctx.Err() != nil || !errors.Is(context.Cause(g.ctx), errMoved) {
			return err
		}
		if err != nil && !errors.Is(err, errMoved) {
			l.log.Warn("the relay has left its database", "error", err)
		}
		select {
		case <-l.next:
		case err := <-l.lost:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// run works with the server until ctx ends or the generation must stop.
func (g *generation) run(parent context.Context) (err error) {
	defer func() { err = errors.Join(err, g.database.close()) }()
	if g.donor != nil {
		defer g.donor.Close() //nolint:errcheck // it only lets go of a file
	}
	defer context.AfterFunc(parent, func() { g.stop(context.Cause(parent)) })()
	group, ctx := errgroup.WithContext(g.ctx)
	group.Go(func() error { return g.Run(ctx) })
	group.Go(func() error { return g.database.watch(ctx, g.Report) })
	return group.Wait()
}

func (l *live) now() *generation {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.current
}

// moveTimeout bounds how long the making of the parts for another server may take. They do not connect yet.
const moveTimeout = 5 * time.Second

// move goes over to another server, and stays with the old one if that cannot be. The source is stopped and stays so.
func (l *live) move(ctx context.Context, d config.Database) error {
	if err := l.change(ctx, d, l.peerList()); err != nil {
		return fmt.Errorf("go over to the database at %s: %w", d.Address, err)
	}
	return nil
}

// peerList is the peers that the relay works with now. It is not to be changed.
func (l *live) peerList() []config.Peer {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.peers
}

// grouped is the configuration that says who the peers are; changing is held.
func (l *live) grouped() *config.Config {
	if l.group != nil {
		return l.group
	}
	return l.cfg
}

// regroup goes over to other peers, and stays with the old ones if that cannot be.
func (l *live) regroup(ctx context.Context, peers []config.Peer) error {
	if err := l.change(ctx, l.database, peers); err != nil {
		return fmt.Errorf("take up the peers: %w", err)
	}
	return nil
}

// change makes another generation take over, or one like the old one if that cannot be. What was begun is finished whatever becomes of who
// asked for it.
func (l *live) change(ctx context.Context, d config.Database, peers []config.Peer) error {
	old := l.now()
	old.stop(errMoved)
	<-old.ended
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), moveTimeout)
	defer cancel()
	// A promise goes to disk behind everything that was captured: the next relay begins after that.
	err := l.promise(ctx, old.Status().Capture.HLC+1)
	if err == nil {
		err = l.follow(ctx, d, peers)
	}
	if err == nil {
		l.database = d
		return nil
	}
	if backErr := l.follow(ctx, l.database, l.peerList()); backErr != nil {
		l.lost <- fmt.Errorf("go back to the database at %s: %w", l.database.Address, backErr)
	}
	return err
}

// follow makes the generation that takes over. From now on it is the one that others see and steer.
func (l *live) follow(ctx context.Context, d config.Database, peers []config.Peer) error {
	next, err := l.build(ctx, d, peers)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.current, l.peers = next, peers
	l.mu.Unlock()
	l.next <- struct{}{}
	return nil
}

// Self implements relay.Inspector.
func (l *live) Self() relay.Hello { return l.now().Self() }

// Status implements relay.Inspector.
func (l *live) Status() relay.Status { return l.now().Status() }

// Peers implements relay.Inspector.
func (l *live) Peers() []relay.PeerStatus { return l.now().Peers() }

// LogStatus implements relay.Inspector.
func (l *live) LogStatus() relay.LogStatus { return l.now().LogStatus() }

// Tables implements relay.Inspector.
func (l *live) Tables() []relay.TableStatus { return l.now().Tables() }

// Replicas implements relay.Inspector.
func (l *live) Replicas() []relay.ReplicaStatus { return l.now().Replicas() }

// Problems implements relay.Inspector.
func (l *live) Problems() []relay.Problem { return l.now().Problems() }

// ConflictCounts counts the conflicts since the start, by kind and policy.
func (l *live) ConflictCounts() []relay.ConflictCount { return l.now().ConflictCounts() }

// Conflicts implements relay.Inspector.
func (l *live) Conflicts(ctx context.Context) iter.Seq2[relay.Conflict, error] {
	return l.now().Conflicts(ctx)
}

// Versions implements relay.Inspector.
func (l *live) Versions(ctx context.Context) iter.Seq2[relay.RowVersion, error] {
	return l.now().Versions(ctx)
}

// DeadLetters implements relay.Inspector.
func (l *live) DeadLetters(ctx context.Context) iter.Seq2[relay.DeadLetter, error] {
	return l.now().DeadLetters(ctx)
}

// LetterCounts implements relay.Inspector.
func (l *live) LetterCounts() map[relay.Reason]int { return l.now().LetterCounts() }

// Breakers implements relay.Inspector.
func (l *live) Breakers() []relay.BreakerStatus {
	return append(l.now().Breakers(), l.hooks.Breakers()...)
}

// RetryLetter implements relay.Controller.
func (l *live) RetryLetter(ctx context.Context, id uint64) error { return l.now().RetryLetter(ctx, id) }

// SkipLetter implements relay.Controller.
func (l *live) SkipLetter(ctx context.Context, id uint64) error { return l.now().SkipLetter(ctx, id) }

// EditLetter implements relay.Controller.
func (l *live) EditLetter(ctx context.Context, id uint64, row string) error {
	return l.now().EditLetter(ctx, id, row)
}

// Explain implements relay.Inspector.
func (l *live) Explain(ctx context.Context, table string, key []string) ([]relay.Reasoning, error) {
	return l.now().Explain(ctx, table, key)
}

// Resolve implements relay.Controller.
func (l *live) Resolve(ctx context.Context, id uint64, choice string) error {
	return l.now().Resolve(ctx, id, choice)
}

// Pause implements relay.Controller.
func (l *live) Pause(ctx context.Context, peer string) error { return l.now().Pause(ctx, peer) }

// Resume implements relay.Controller.
func (l *live) Resume(ctx context.Context, peer string) error { return l.now().Resume(ctx, peer) }

// StopSource implements relay.Controller.
func (l *live) StopSource(ctx context.Context) error { return l.now().StopSource(ctx) }

// StartSource implements relay.Controller.
func (l *live) StartSource(ctx context.Context) error { return l.now().StartSource(ctx) }

// Evict implements relay.Controller.
func (l *live) Evict(ctx context.Context, peer string) error { return l.now().Evict(ctx, peer) }

// Followed tells of a stock replica, as relay.Relay.Followed.
func (l *live) Followed(s relay.ReplicaStatus) { l.now().Followed(s) }

// Purge implements relay.Controller.
func (l *live) Purge(ctx context.Context, before relay.LSN, force bool) error {
	return l.now().Purge(ctx, before, force)
}

// Open implements relay.Publisher. A feed ends with the generation that gives it; its reader subscribes again.
func (l *live) Open(ctx context.Context, from relay.Hello, w relay.Want) (relay.Hello, relay.Feed, error) {
	g := l.now()
	hello, feed, err := g.Open(ctx, from, w)
	if err != nil {
		return hello, nil, err
	}
	stop := context.AfterFunc(g.ctx, func() { feed.Close() })
	return hello, &generationFeed{Feed: feed, stop: stop}, nil
}

// generationFeed is a feed that ends with its generation at the latest.
type generationFeed struct {
	relay.Feed
	stop func() bool
}

// Close implements relay.Feed.
func (f *generationFeed) Close() error {
	f.stop()
	return f.Feed.Close()
}
