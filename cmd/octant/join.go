package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/inquire"
	"github.com/octant-db/octant/join"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// joinFlags are what octant join is told.
type joinFlags struct {
	from              string
	rate              int
	lag               time.Duration
	replace, prepared bool
	keep              bool
	at                string
}

func (f *joinFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&f.from, "from", "", "the `region` whose data is copied")
	flags.IntVar(&f.rate, "rows", 0, "copy at most so many `rows` a second")
	flags.DurationVar(&f.lag, "lag", 10*time.Second, "copy no rows while the other region, or a replica of a database that tells, is further `behind`; 0: whatever they are")
	flags.BoolVar(&f.replace, "replace", false, "delete the rows that stand in this region's tables first")
	flags.BoolVar(&f.keep, "keep", false, "keep the rows of this region's tables that are those of the other region, and name those that are not, which are deleted or written anew")
	flags.BoolVar(&f.prepared, "prepare", false, "only have the region keep what is needed from now on: then load a dump of its tables that is taken after this, and join")
	flags.StringVar(&f.at, "at", "", "with --prepare: where in the region's log the dump was taken that is loaded, if that was before: `FILE:OFFSET`, or an LSN of PostgreSQL")
}

// prepareText says what to do once the other region keeps what is needed.
func (f *joinFlags) prepareText() string {
	if f.at != "" {
		return fmt.Sprintf("region %s keeps what is needed from %s on; load the copy of its tables that was taken there, if it is not, and run octant join --from %s", f.from, f.at, f.from)
	}
	return fmt.Sprintf("region %s keeps what is needed from now on; take a dump of its tables, load it here, and run octant join --from %s", f.from, f.from)
}

// runJoin fills this region's tables from another one's, while all regions go on writing.
func runJoin(ctx context.Context, args []string) error {
	var f joinFlags
	flags := newFlags("join")
	f.define(flags)
	cfg, err := parseWithConfig(flags, args)
	if err != nil {
		return err
	}
	if f.from == "" {
		return usageError("join: --from REGION is missing")
	}
	if f.keep && (f.replace || f.prepared) {
		return usageError("join: --keep does not go with --replace or --prepare")
	}
	if f.at != "" && !f.prepared {
		return usageError("join: --at goes with --prepare")
	}
	bar := newBar(os.Stderr)
	defer bar.end()
	log := newLogger(bar, cfg.Log).With("region", cfg.Region.Name)
	defer keepRoom(ctx)()
	var syncs atomic.Uint64
	store, err := openLog(cfg, &syncs, log)
	if err != nil {
		return err
	}
	err = joinFrom(ctx, cfg, f, store, bar, log)
	return errors.Join(err, store.Close())
}

func joinFrom(ctx context.Context, cfg *config.Config, f joinFlags, store *relaylog.DB, bar *bar, log *slog.Logger) error {
	e, err := engines[cfg.Database.Flavour](ctx, cfg, store, log)
	if err != nil {
		return err
	}
	db, err := e.connect(ctx, cfg.Database)
	if err != nil {
		return err
	}
	err = joinWith(ctx, cfg, f, store, e, db, bar, log)
	return errors.Join(err, db.close())
}

func joinWith(ctx context.Context, cfg *config.Config, f joinFlags, store *relaylog.DB, e *engine, db *database, bar *bar, log *slog.Logger) error {
	if db.copier == nil {
		return errors.New("join: regions with this kind of database cannot join yet")
	}
	if err := join.Vacant(store); err != nil {
		return err
	}
	n := &join.Newcomer{
		Self: relay.Hello{
			Cluster: cfg.Region.Cluster, Name: cfg.Region.Name, Region: cfg.Region.ID, Store: store.StoreID(), Protocol: relay.FeedProtocol,
			Oldest: relay.FeedOldest, Rules: cfg.Rules.Text(), Flavour: e.flavour,
		},
		Store: store, Copier: db.copier, Clock: relay.SystemClock{}, Logger: log,
		Redo: applier.NewRedo(applier.Config{
			Self: cfg.Region.ID, Target: db.target, Decoders: e.decoders, Include: cfg.Database.Tables.Match, Clock: relay.SystemClock{}, Logger: log,
			Flavour: e.flavour, Table: e.table, JSON: e.json,
		}),
		Options: join.Options{Rate: f.rate, Lag: f.lag, Replace: f.replace, Keep: f.keep, At: f.at, Lost: bar.tellLost, Unfit: bar.tellUnfit, Progress: bar.show},
	}
	hangUp, err := reachMembers(cfg, f.from, n)
	if err != nil {
		return err
	}
	defer hangUp()
	if f.keep {
		if err := sendRemainder(ctx, cfg, n, e, db, bar, log); err != nil {
			return err
		}
	}
	if err := db.open(ctx); err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	if f.prepared {
		if err := n.Prepare(ctx); err != nil {
			return err
		}
		bar.print("%s\n", f.prepareText())
		return nil
	}
	began := time.Now()
	if err := n.Run(ctx); err != nil {
		return err
	}
	bar.end()
	fmt.Printf("region %s has joined, after %s; octant run can work with it now\n", cfg.Region.Name, time.Since(began).Round(100*time.Millisecond))
	return nil
}

// tellLost names a row that stood here and was another one in the region that is joined from, as octant verify does.
func (b *bar) tellLost(table string, key relay.RowKey, deleted bool) {
	what := "written anew"
	if deleted {
		what = "deleted"
	}
	b.print("%s %s: %s\n", table, shownKey(key), what)
}

// tellUnfit names a row that this database cannot hold.
func (b *bar) tellUnfit(u applier.Unfit) { b.print("%s %s: %s\n", u.Table, u.Row, u.Reason) }

// shownKey is a row's key for people.
func shownKey(key relay.RowKey) string {
	values, err := key.Values(1 + strings.Count(string(key), "."))
	if err != nil {
		return string(key)
	}
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = strconv.Quote(string(v))
	}
	return strings.Join(words, ",")
}

// freezing is how long a donor may take to answer.
const freezing = 10 * time.Minute

// reachMembers finds the donor and the other regions among the peers.
func reachMembers(cfg *config.Config, from string, n *join.Newcomer) (hangUp func(), err error) {
	secured, err := cfg.PeerTLS.Config("peer:0")
	if err != nil {
		return nil, err
	}
	if secured != nil {
		secured.ServerName = "" // each peer's own is filled in
	}
	var relays []*inquire.Relay
	for _, p := range cfg.Peers {
		r := &inquire.Relay{Peer: p.Relay(), TLS: secured, Patience: freezing}
		relays = append(relays, r)
		member := join.Member{Name: p.Region, Side: join.Remote{Relay: r}, Peer: p.Relay()}
		if p.Region == from {
			n.Donor = member
			continue
		}
		n.Others = append(n.Others, member)
	}
	if n.Donor.Name == "" {
		return nil, fmt.Errorf("join: there is no [[peer]] %q in the configuration", from)
	}
	return func() {
		for _, r := range relays {
			_ = r.Close()
		}
	}, nil
}

// refuseUnfinished keeps a relay from working with a region that has not joined yet.
func refuseUnfinished(store *relaylog.DB) error {
	unfinished, err := join.Unfinished(store)
	if err == nil && unfinished {
		err = errors.New("this region has begun to join and has not come to the end: run octant join again, or begin anew with an empty data directory")
	}
	return err
}

// donor gives this region's data to those that join.
func (l *live) donor() relay.Donor {
	if d := l.now().donor; d != nil {
		return d
	}
	return nil
}
