package capture

import (
	"fmt"

	"github.com/jackc/pglogrepl"

	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// proof looks for the last transaction that was captured where the log should have it. A database that was restored to an earlier moment and written to since can have a longer log
// than the one that was read. The slot was restored with it: so as far as the slot knows that the relay has captured, the logs are one, and from there on the log is read once more. Most
// times the slot knows everything, and there is nothing to prove.
type proof struct {
	at    place         // what was captured
	from  pglogrepl.LSN // where the slot stands
	found bool          // the transaction has begun that is looked for
}

// prove takes a message of what was captured before.
func (s *stream) prove(m []byte) error {
	switch m[0] {
	case logical.KindBegin:
		b, err := logical.ParseBegin(m)
		if err != nil {
			return err
		}
		return s.proof.begin(&b)
	case logical.KindCommit:
		if s.proof.found {
			s.proof = nil
			s.source.Durable(s.at.position()) // as it was before: now the server may know
		}
	}
	return nil
}

func (p *proof) begin(b *logical.Begin) error {
	p.found = b.FinalLSN == p.at.commit && b.XID == p.at.xid
	if b.FinalLSN < p.at.commit || p.found {
		return nil
	}
	return p.failed()
}

// missed tells that everything before a place has been read.
func (p *proof) missed(end pglogrepl.LSN) error {
	if end < p.at.lsn {
		return nil
	}
	return p.failed()
}

func (p *proof) failed() error {
	return fmt.Errorf("the relay has captured transaction %d at %s, and the database has no such transaction there: it was restored to an earlier moment and written to since: %w",
		p.at.xid, p.at.commit, relay.ErrDiverged)
}
