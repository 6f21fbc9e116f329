package conflict

import "github.com/octant-db/octant/relay"

// Cut says what may be forgotten. A register is needed as long as somebody may write, or may have written, what is not newer than it or has not seen it.
//
// For the row of one write whose author is a that is over once all regions but a show what a wrote, and what they had written before is merged: a itself has seen all that
// it wrote. So a region that takes in a long backlog of a's forgets as it goes along, although a has not heard of the others for as long. Whatever depends on more than one
// write, or on several rows, is needed until every region shows what every other one wrote: the stable cut.
type Cut struct {
	Stable relay.HLC
	Shown  relay.Vector // by author: the clock up to which all others show what it wrote; not below Stable, or 0
}

// of is the clock up to which registers in a line of ages may be gone; see Kept.author.
func (c *Cut) of(author relay.Region) relay.HLC { return max(c.Stable, c.Shown.Get(author)) }

// passes tells whether a register is old enough to go.
func (c *Cut) passes(r *Kept) bool { return r.age() <= c.of(r.author()) }
