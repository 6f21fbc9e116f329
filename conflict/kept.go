package conflict

import "github.com/octant-db/octant/relay"

// kept is a register as it is kept: nearly all say nothing but what one write left, and take a quarter of the room then.
type kept struct {
	version relay.Version
	table   *relay.Table
	image   relay.Image
	deps    relay.Vector
	gone    bool
	partial bool
	whole   *Register // of any other register; nothing else is set then
}

func keptOf(r *Register) kept {
	if !r.slight() {
		whole := *r
		return kept{whole: &whole}
	}
	return kept{version: r.Version, table: r.Row.Table, image: r.Row.Image, deps: r.Deps, gone: r.Row.Gone, partial: r.Row.Partial}
}

// slight tells whether a register says nothing but what one write left of a row that no others have to do with.
func (r *Register) slight() bool {
	return r.Shown == r.Version && !r.Blank && r.History == nil && r.Unit == nil && r.Ends == nil && r.Fates == nil &&
		r.Row.alone() && r.Wrote.alone() && r.Wrote.Table == nil && r.Wrote.Image == nil && !r.Wrote.Gone && !r.Wrote.Partial
}

func (r *Row) alone() bool { return r.Unique == nil && r.Parents == nil && r.Children == nil }

func (k *kept) register() Register {
	if k.whole != nil {
		return *k.whole
	}
	return Register{
		Version: k.version, Shown: k.version, Deps: k.deps,
		Row: Row{Table: k.table, Image: k.image, Gone: k.gone, Partial: k.partial},
	}
}

// age is the clock up to which the register is needed.
func (k *kept) age() relay.HLC {
	if k.whole != nil {
		return k.whole.Age()
	}
	return k.version.HLC
}

// claims is what the register is listed under.
func (k *kept) claims() []string {
	if k.whole != nil {
		return k.whole.Claims()
	}
	return nil
}
