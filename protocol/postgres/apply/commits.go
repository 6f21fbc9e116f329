package apply

import (
	"context"
	"strconv"
	"sync"

	"github.com/octant-db/octant/relay"
)

// Commits of other regions' transactions do not wait for the disk, as a subscription's do not: synchronous_commit is off. The server writes its log in order, and
// shows it to capture only as far as it is on disk (WalSndWaitForWal in walsender.c reads up to the place that was flushed), so what the relay has
// seen in the log is safe. What it has not seen can be gone after a crash. Then nothing may be committed behind it, or the hole would stay: every transaction
// looks in octant.applied for the one before it, in the database transaction that it is committed by. Where that is not there, the applier asks for what
// is, and writes the others again.
//
// Repairs have no number, and commit as everything else does. So do all where a standby is waited for: whoever wants that wants it for what comes from others too.

// lazy tells whether a commit need not wait for the disk.
func (t *Target) lazy(m relay.Mark) bool {
	a := t.abilities.Load()
	return a != nil && a.alone && chainable(m, t.config.Self)
}

func chainable(m relay.Mark, self relay.Region) bool { return !m.Repair() && m.Origin != self }

// hurry has the lane's commits wait for the disk or not.
func (l *lane) hurry(ctx context.Context, lazy bool) error {
	if l.lazy == lazy {
		return nil
	}
	value := "on"
	if lazy {
		value = "off"
	}
	if err := l.session.conn.Run(ctx, "set synchronous_commit", "SET synchronous_commit = "+value); err != nil {
		return err
	}
	l.lazy = lazy
	return nil
}

// codeDivision is division_by_zero: the quickest way to have the server end a transaction, whatever is in the pipeline behind it.
const codeDivision = "22012"

// chained fails if the database does not have a transaction of the mark's origin, or a later one. The row of one lane does not count: the transaction itself has written it.
func chained(m relay.Mark, seq relay.Seq, lane int) command {
	return command{
		op: "look for the transaction before", table: "octant.applied", kind: isChain,
		sql: "SELECT 1 / (EXISTS (SELECT FROM octant.applied WHERE origin = $1 AND to_seq >= $2 AND lane <> $3))::int",
		params: [][]byte{
			strconv.AppendInt(nil, int64(m.Origin), 10), strconv.AppendInt(nil, int64(seq), 10), strconv.AppendInt(nil, int64(lane), 10),
		},
	}
}

// commits knows, by origin, the last transaction that was committed. It may be used from several goroutines.
type commits struct {
	mu   sync.Mutex
	seqs [relay.MaxRegions + 1]relay.Seq
	lost [relay.MaxRegions + 1]bool // the database does not have it: what it has is to be asked
}

// last is the last one of a mark's origin, 0 if none is known or the mark stands for none.
func (c *commits) last(m relay.Mark) relay.Seq {
	if m.Repair() {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seqs[m.Origin]
}

// add notes that the transactions of a mark were committed.
func (c *commits) add(m relay.Mark) {
	if m.Repair() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seqs[m.Origin] = max(c.seqs[m.Origin], m.Range.To)
}

// lose notes that the database does not have what was committed.
func (c *commits) lose(origin relay.Region) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost[origin] = true
}

// know takes up what the database has.
func (c *commits) know(applied []relay.SeqHLC) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for r := range c.seqs {
		var has relay.Seq
		if r < len(applied) {
			has = applied[r].Seq
		}
		if c.lost[r] {
			c.seqs[r], c.lost[r] = has, false
		}
		c.seqs[r] = max(c.seqs[r], has)
	}
}
