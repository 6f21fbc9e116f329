package applier

import (
	"context"
	"errors"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// define notes a definition that is to be run before the transaction's rows are written.
func (p *prepared) define(t relay.Transaction, c relay.Change) {
	if p.defined != nil && closed(p.defined) {
		return // it has been run
	}
	p.source = t
	p.definitions = append(p.definitions, c)
	if p.defined == nil {
		p.defined = make(chan struct{})
	}
}

// define runs the definitions of a transaction, if it has any. Everything of its origin that comes before has been committed then, and what
// comes after waits. A definition commits by itself: after a crash before the mark it is met again, and the target sees that it is done.
func (o *origin) define(ctx context.Context, p *prepared) error {
	if p.defined == nil {
		return nil
	}
	if o.last != nil {
		if err := wait(ctx, o.last.done); err != nil {
			return err
		}
		if err := o.last.outcome(); err != nil {
			return err
		}
	}
	// Capture takes a definition for ours if what it is signed with was received, for good.
	if err := o.a.durable(ctx, o.region, p.Seq); err != nil {
		return err
	}
	if err := o.awaitSeen(ctx, p); err != nil {
		return err
	}
	for i := range p.definitions {
		if err := o.defineOne(ctx, p, &p.definitions[i]); err != nil {
			return err
		}
	}
	o.a.reader.refresh()
	close(p.defined)
	if p.huge {
		return nil
	}
	_, body, err := o.a.cfg.Log.Received(o.region).Transaction(p.Seq)
	if err == nil {
		err = o.fill(ctx, p, &p.source, body)
	}
	if errors.Is(err, errDense) {
		o.drop([]*prepared{p}) // the merger reads it from the log
		p.stream()             // its definitions have been run
		return nil
	}
	if err != nil {
		return fmt.Errorf("transaction %d: %w", p.Seq, err)
	}
	return nil
}

// defineOne tries until a definition is done or left to the operator. It returns an error only when ctx has ended.
func (o *origin) defineOne(ctx context.Context, p *prepared, c *relay.Change) error {
	for attempt := 0; ; attempt++ {
		left, err := o.a.carryOut(ctx, p.source, c)
		if err == nil {
			if left != "" {
				o.leave(p, c, left)
			}
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !relay.Retryable(err) || attempt >= patience {
			o.hold(fmt.Errorf("transaction %d: %s of %s: %w", p.Seq, c.Definition.Verb, c.Definition.Subject, err))
		}
		if err := relay.Sleep(ctx, o.a.cfg.Clock, backoff(attempt)); err != nil {
			return err
		}
	}
}

var errCannotDefine = errors.New("definitions are not carried to this kind of database")

// carryOut runs a definition, or says why not.
func (a *Applier) carryOut(ctx context.Context, t relay.Transaction, c *relay.Change) (left string, err error) {
	if left := a.uncarried(c.Definition); left != "" {
		return left, nil
	}
	return a.cfg.Target.(relay.Definer).Define(ctx, t, *c)
}

// uncarried tells why a definition is not run here, "" if it is. It depends on the definition and the configuration alone.
func (a *Applier) uncarried(d *relay.Definition) string {
	_, ok := a.cfg.Target.(relay.Definer)
	switch {
	case d.Reason != "":
		return d.Reason
	case !ok:
		return errCannotDefine.Error()
	case !a.cfg.Define:
		return "the configuration says that definitions are not carried (database.ddl)"
	}
	for _, n := range d.Tables {
		if !a.cfg.Include(n.Schema, n.Table) {
			return "it is about " + n.Schema + "." + n.Table + " as well, which is not replicated"
		}
	}
	if d.Empties {
		return a.unemptied(d.Tables)
	}
	return ""
}

// leave tells the operator of a definition that another region has and this one has not. Rows that do not fit meanwhile are held.
func (o *origin) leave(p *prepared, c *relay.Change, why string) {
	d := c.Definition
	o.a.cfg.Report(relay.Problem{
		Kind: "ddl_left", Subject: d.Subject,
		Detail: fmt.Sprintf("%s of region %d was not run here: %s (transaction %s there)", d.Verb, o.region, why, p.source.GTID),
		Remedy: "run it here by hand if this region shall have it; rows that do not fit without it wait for that",
	})
}
