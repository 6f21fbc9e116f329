package join

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

// Newcomer is a region that joins.
type Newcomer struct {
	Self    relay.Hello
	Donor   Member
	Others  []Member // the cluster's other regions
	Store   Store
	Copier  relay.TableCopier
	Redo    *applier.Redo
	Options Options
	Clock   relay.Clock
	Logger  *slog.Logger

	note    note
	foreign bool // the donor's database is of another kind: rows come by value
}

// Member is a region of the cluster.
type Member struct {
	Name string
	Side relay.Donor
	Peer relay.Peer // how its relay is subscribed to
}

// Store is the newcomer's relay log, which no relay works with yet.
type Store interface {
	relay.Store
	Adopt(context.Context, relay.State) error
	State() relay.State
}

// Options say how rows come in.
type Options struct {
	Loaded bool // a dump of the donor's tables is loaded by other means, taken after Prepare
	// At is where in the donor's log the dump was made, in the words of the tool that made it; "": after Prepare.
	At      string
	Replace bool // rows that stand in the tables are deleted first
	Keep    bool // rows that stand in the tables stay where they are the donor's
	// Lost is told which rows that stood here were not the donor's: deleted, or written anew. It may be nil.
	Lost func(table string, key relay.RowKey, deleted bool)
	// Unfit is told which rows of another engine this database cannot hold, when a join cannot end because of them. It may be nil.
	Unfit    func(applier.Unfit)
	Lag      time.Duration  // how far the donor and this region's replicas may be behind while rows are copied; 0: they are not asked
	Rate     int            // rows a second at most; 0: as many as go
	Writers  int            // chunks that are written at a time; 0: DefaultWriters()
	Progress func(Progress) // told now and then; may be nil
}

// DefaultWriters is how many chunks are written at a time: as many as there are processors, but 2 to 4. With two processors, which the databases need as well, four writers are a tenth
// slower than two.
func DefaultWriters() int { return min(max(runtime.NumCPU(), 2), 4) }

// Prepare checks that the region may join and has the donor keep what it needs from now on, so that a dump may be taken and loaded.
func (n *Newcomer) Prepare(ctx context.Context) error {
	n.Options.Loaded = true
	return n.begin(ctx)
}

// Run joins, or goes on with that. When it returns without an error a relay may work with the store.
func (n *Newcomer) Run(ctx context.Context) error {
	if err := n.begin(ctx); err != nil {
		return err
	}
	bring := n.copyAll
	if n.note.Loaded {
		bring = n.requireLoaded
	}
	if err := bring(ctx); err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		frozen, err := n.catchUp(ctx)
		if err != nil {
			return err
		}
		err = n.takeOver(ctx, frozen)
		if !errors.Is(err, applier.ErrUnsettled) || attempt == freezeTries {
			return err
		}
		n.Logger.Info("the region waits until what it cannot tell is settled", "reason", err)
		if err := relay.Sleep(ctx, n.Clock, time.Second); err != nil {
			return err
		}
	}
}

// begin finds out whether the region may join, and where it stands.
func (n *Newcomer) begin(ctx context.Context) error {
	if err := Vacant(n.Store); err != nil {
		return err
	}
	admission, err := admit(ctx, n.Donor, n.Self)
	if err != nil {
		return err
	}
	if _, err := n.before(ctx, admission); err != nil { // all must know of it before anything is read
		return err
	}
	n.foreign = admission.Self.Flavour != n.Self.Flavour
	if n.foreign && n.Options.Keep {
		return fmt.Errorf("join: region %s has a database of another kind (%s), of which no rows can be told to be the same as those here: say --replace", n.Donor.Name, admission.Self.Flavour)
	}
	known, err := n.load()
	if err != nil {
		return err
	}
	list, ours, err := n.bothSides(ctx)
	if err == nil && !known && !n.foreign { // one that was killed while it made them goes on
		ours, err = n.complete(ctx, list, ours)
	}
	if err == nil {
		err = n.same(ctx, list, ours)
	}
	if err != nil {
		return err
	}
	if known && n.note.Donor != admission.Self.Store {
		return fmt.Errorf("join: it was begun from another region than %s, or that one has lost its log: begin again with an empty data directory", n.Donor.Name)
	}
	if known {
		n.Redo.Recall(n.note.Unfit)
		return n.asBegun()
	}
	if err := n.Redo.Vacant(ctx); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if err := n.makeRoom(ctx, list); err != nil {
		return err
	}
	behind, err := n.beginning(ctx, admission)
	if err != nil {
		return err
	}
	n.note = note{Donor: admission.Self.Store, Begin: behind, Redone: behind, Loaded: n.Options.Loaded, Keep: n.Options.Keep}
	for _, t := range list {
		n.note.Tables = append(n.note.Tables, tableNote{Name: t.Name, Estimate: t.Rows})
	}
	return n.save(ctx)
}

// beginning is the entry of the donor's log behind which it has to be done again.
func (n *Newcomer) beginning(ctx context.Context, a relay.Admission) (relay.LSN, error) {
	if n.Options.At == "" {
		return a.Begin, nil
	}
	behind, err := n.Donor.Side.Keep(ctx, n.Self, n.Options.At)
	if err != nil {
		return 0, fmt.Errorf("join: the copy that was made at %s: %w", n.Options.At, err)
	}
	return behind, nil
}

// asBegun refuses what can be said only when a join begins.
func (n *Newcomer) asBegun() error {
	if n.Options.At == "" {
		return nil
	}
	return errors.New("join: it was prepared before: where the copy was made can be said only then; begin again with an empty data directory")
}

// Vacant tells why no region can join with a store; nil: one can.
func Vacant(s Store) error {
	if s.State().LSN == 0 {
		return nil
	}
	return errors.New("join: this region's relay log has entries: the region has joined, or was running before: join with an empty data directory")
}

// admit asks a region whether another one may join.
func admit(ctx context.Context, m Member, self relay.Hello) (relay.Admission, error) {
	a, err := m.Side.Admit(ctx, self)
	if err != nil {
		return a, fmt.Errorf("join: %w", err)
	}
	if a.Self.Name != m.Name {
		return a, fmt.Errorf("join: the relay of region %s says that it is region %q: correct the [[peer]]", m.Name, a.Self.Name)
	}
	return a, nil
}

// before is what the cluster has of an earlier life of this region: its last transaction, the same in all regions. They are asked who they are, and remembered.
func (n *Newcomer) before(ctx context.Context, donor relay.Admission) (relay.SeqHLC, error) {
	last := donor.Received
	if err := relay.Acquaint(ctx, n.Store, donor.Self); err != nil {
		return last, err
	}
	for _, m := range n.Others {
		a, err := admit(ctx, m, n.Self)
		if err != nil {
			return last, err
		}
		if err := relay.Acquaint(ctx, n.Store, a.Self); err != nil {
			return last, err
		}
		if a.Received.Seq != donor.Received.Seq {
			return last, fmt.Errorf("join: of an earlier region with the id %d region %s has %d transactions and region %s %d: use an id that was never used",
				n.Self.Region, n.Donor.Name, donor.Received.Seq, m.Name, a.Received.Seq)
		}
		last.HLC = max(last.HLC, a.Received.HLC)
	}
	return last, nil
}

// takeOver has the newcomer begin with what the donor's relay knew at the entry that it has come to.
func (n *Newcomer) takeOver(ctx context.Context, f relay.Frozen) error {
	if err := n.refuseUnfit(); err != nil {
		return err
	}
	admission, err := admit(ctx, n.Donor, n.Self)
	if err != nil {
		return err
	}
	last, err := n.before(ctx, admission)
	if err != nil {
		return err
	}
	if int(n.Self.Region) < len(f.Seen) && f.Seen[n.Self.Region].Seq < last.Seq {
		return fmt.Errorf("join: region %s has not applied all that this region had sent: join again when it has", n.Donor.Name)
	}
	if err := n.receive(ctx, f); err != nil {
		return err
	}
	if err := n.Redo.Ledger(ctx, f.Seen); err != nil {
		return err
	}
	if err := n.number(ctx); err != nil {
		return err
	}
	if err := n.Redo.End(ctx); err != nil {
		return err
	}
	state := relay.State{LSN: f.LSN, Seq: last.Seq, HLC: max(f.Clock, last.HLC), Seen: f.Seen}
	if int(n.Self.Region) < len(state.Seen) {
		state.Seen[n.Self.Region] = relay.SeqHLC{}
	}
	return n.Store.Adopt(ctx, state)
}

// receive puts what the donor's relay knew into the store.
func (n *Newcomer) receive(ctx context.Context, f relay.Frozen) error {
	pairs := applier.PairsOf(n.thawed(ctx, f))
	if n.foreign {
		return n.Redo.Adopt(ctx, n.Store, f.Settled, pairs)
	}
	return applier.Receive(ctx, n.Store, pairs)
}

// thawed yields what the donor's relay knew.
func (n *Newcomer) thawed(ctx context.Context, f relay.Frozen) func(func([]byte, error) bool) {
	return func(yield func([]byte, error) bool) {
		for at := int64(0); at < f.Bytes; {
			piece, err := n.Donor.Side.Thaw(ctx, f.ID, at)
			if err == nil && len(piece) == 0 {
				err = errors.New("it ends early")
			}
			if err != nil {
				yield(nil, fmt.Errorf("read what region %s knows: %w", n.Donor.Name, err))
				return
			}
			if !yield(piece, nil) {
				return
			}
			at += int64(len(piece))
		}
	}
}
