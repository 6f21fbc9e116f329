package applier

import (
	"context"
	"fmt"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// emptied is what the keys of the tables begin with that a statement empties.
func emptied(c *relay.Change) []conflict.Key {
	if c.Definition == nil || !c.Definition.Empties {
		return nil
	}
	var keys []conflict.Key
	for _, n := range c.Definition.Tables {
		own := keyOf(n.Schema+"."+n.Table, "")
		keys = append(keys, own, provisional+own)
	}
	return keys
}

// emptiedBy is the same of the statements of a part, as far as they are carried.
func (a *Applier) emptiedBy(p *part) []conflict.Key {
	var keys []conflict.Key
	for i := range p.definitions {
		if c := &p.definitions[i]; a.uncarried(c.Definition) == "" {
			keys = append(keys, emptied(c)...)
		}
	}
	return keys
}

// unemptied tells why a table is not emptied because another region's was: what is right for rows that its statement's author had not seen
// is known under the last writer wins alone.
func (a *Applier) unemptied(tables []relay.TableName) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range tables {
		name := n.Schema + "." + n.Table
		switch r := a.rule(keyOf(name, "")); {
		case r == nil || r.Policy == conflict.LWW && !r.Held:
		case r.Held:
			return "the regions' rules for " + name + " differ"
		default:
			return "TRUNCATE is carried where the last writer wins, and the policy of " + name + " is " + r.Policy.String()
		}
	}
	return ""
}

// reportEmptied tells where a table was emptied that will be emptied nowhere else.
func (a *Applier) reportEmptied(p *part) {
	for i := range p.definitions {
		d := p.definitions[i].Definition
		if left := a.uncarried(d); d.Empties && left != "" {
			a.cfg.Report(relay.Problem{
				Kind: "truncate", Subject: d.Subject, Detail: d.Verb + " is not carried to other regions: " + left,
				Remedy: "run it there too, while nobody writes to the table; or use DELETE",
			})
		}
	}
}

// awaitSeen returns once everything has been merged that the author of a statement that empties a table had seen: rows that come later would
// stand again. While a line between two regions is cut, that can take as long.
func (o *origin) awaitSeen(ctx context.Context, p *prepared) error {
	if len(p.Emptied) == 0 {
		return nil
	}
	short, cancel := context.WithTimeout(ctx, seenSoon)
	defer cancel()
	err := o.a.progress.Wait(short, func() bool { return o.a.unmerged(p) == 0 })
	if err == nil || ctx.Err() != nil {
		return err
	}
	if r := o.a.unmerged(p); r != 0 {
		o.hold(fmt.Errorf("transaction %d empties %s, and waits for what region %d had written before", p.Seq, p.definitions[0].Definition.Subject, r))
	}
	return o.a.progress.Wait(ctx, func() bool { return o.a.unmerged(p) == 0 })
}

// seenSoon is how long that may take before it is reported.
const seenSoon = 5 * time.Second

// unmerged is a region of which a transaction's author had seen more than has been merged here, 0 if there is none. Of one that is not configured
// nothing more comes.
func (a *Applier) unmerged(p *prepared) relay.Region {
	a.mu.Lock()
	defer a.mu.Unlock()
	for r, clock := range p.Deps {
		region := relay.Region(r)
		if a.origins[region] != nil && region != p.Origin && a.engine.Seen(region).HLC < clock {
			return region
		}
	}
	return 0
}
