package conflict

import "github.com/octant-db/octant/relay"

// Kept is a register as it is kept: nearly all say nothing but what one write left, and take a quarter of the room then.
type Kept struct {
	version relay.Version
	table   *relay.Table
	image   relay.Image
	deps    relay.Vector
	gone    bool
	partial bool
	fresh   bool      // an index's own: see Memory.Fresh
	whole   *Register // of any other register; nothing else but fresh is set then
}

func keptOf(r *Register) Kept {
	if !r.slight() {
		whole := *r
		return Kept{whole: &whole}
	}
	return Kept{version: r.Version, table: r.Row.Table, image: r.Row.Image, deps: r.Deps, gone: r.Row.Gone, partial: r.Row.Partial}
}

// keptOfWrite is what a write leaves of a row that no others have to do with.
func keptOfWrite(t *Transaction, row *Row) Kept {
	return Kept{version: t.Version(), table: row.Table, image: row.Image, deps: t.Deps, gone: row.Gone, partial: row.Partial}
}

// slight tells whether a register says nothing but what one write left of a row that no others have to do with.
func (r *Register) slight() bool {
	return r.Shown == r.Version && !r.Blank && r.History == nil && r.Unit == nil && r.Ends == nil && r.Fates == nil && r.Past == nil && r.Until == 0 && r.Place == 0 &&
		r.Row.alone() && r.Wrote.alone() && r.Wrote.Table == nil && r.Wrote.Image == nil && !r.Wrote.Gone && !r.Wrote.Partial
}

func (r *Row) alone() bool {
	return r.Unique == nil && r.Parents == nil && r.Children == nil && !r.Middle
}

func (k *Kept) register() Register {
	if k.whole != nil {
		return *k.whole
	}
	return Register{Version: k.version, Shown: k.version, Deps: k.deps, Row: k.row()}
}

// row is what a slight register shows.
func (k *Kept) row() Row {
	return Row{Table: k.table, Image: k.image, Gone: k.gone, Partial: k.partial}
}

// age is the clock up to which the register is needed.
func (k *Kept) age() relay.HLC {
	if k.whole != nil {
		return k.whole.Age()
	}
	return k.version.HLC
}

// author is the region whose write is all that the register says; 0 if it says more.
func (k *Kept) author() relay.Region {
	if k.whole != nil {
		return 0
	}
	return k.version.Region
}

// claims is what the register is listed under.
func (k *Kept) claims() []string {
	if k.whole != nil {
		return k.whole.Claims()
	}
	return nil
}

// Size is about how many bytes belong to a register that says nothing but what one write left; whole is any other register.
func (k *Kept) Size() (bytes int, whole *Register) {
	return len(k.image) + 8*len(k.deps), k.whole
}
