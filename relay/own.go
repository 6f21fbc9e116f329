package relay

import (
	"context"
	"fmt"
)

// ownSource is this region's own transactions, which are read in their order. Finding each by itself would read a piece of the log as often as it has transactions.
type ownSource struct {
	log    Log
	self   Region
	cursor Cursor[Entry] // nil: it is to be placed
	next   Seq           // the transaction that the cursor comes to next
}

func (o *ownSource) last() Seq { return o.log.State().Seq }

func (o *ownSource) transaction(ctx context.Context, seq Seq) (Transaction, Body, error) {
	if o.cursor == nil || o.next != seq {
		if err := o.place(seq); err != nil {
			return Transaction{}, nil, err
		}
	}
	for {
		e, body, err := o.cursor.Next(ctx)
		switch {
		case err != nil:
			o.close()
			return Transaction{}, nil, err
		case e.Kind != Local:
			continue
		case e.Seq != seq:
			return Transaction{}, nil, fmt.Errorf("entry %d has transaction %d where %d belongs: %w", e.LSN, e.Seq, seq, ErrCorrupt)
		}
		o.next = seq + 1
		return e.Transaction(o.self), body, nil
	}
}

// place has the cursor begin at a transaction.
func (o *ownSource) place(seq Seq) error {
	o.close()
	local := o.log.Local()
	lsn, err := local.BySeq(seq)
	if err != nil {
		return err
	}
	o.cursor, err = local.Read(lsn)
	o.next = seq
	return err
}

func (o *ownSource) close() {
	if o.cursor != nil {
		o.cursor.Close()
		o.cursor = nil
	}
}
