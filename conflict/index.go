package conflict

// Index holds M: the registers of the rows that were written lately. A key without a register was last written by a version that
// every region has seen.
type Index interface {
	// Get returns the register of a key, and whether there is one.
	Get(Key) (Register, bool, error)
	// Kept is Get for one that is only looked at, as it is kept: nil if there is none. It holds until something else is asked of the index.
	Kept(Key) (*Kept, error)
	// Put sets it.
	Put(Key, Register) error
	// Take sets it to what a write left, unless there is one that is newer or that says more than what one write left. Met is what there was before, nil if nothing; it
	// holds until something else is asked of the index.
	Take(k Key, w *Kept) (met *Kept, taken bool, err error)
	// Remove drops one register that is known.
	Remove(Key) error
	// Forget drops the registers that are due by the cut and may be gone.
	Forget(cut Cut, gone func(Key, *Kept) bool) error
	// Claims returns the keys of the registers whose row exists and has the unique value or the parent, in any order.
	Claims(value string) ([]Key, error)
	// Under returns the keys of the registers that begin so, in any order.
	Under(prefix Key) ([]Key, error)
	// Len is the number of registers.
	Len() int
}
