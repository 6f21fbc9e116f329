package conflict

// A Memory that is a part of an index on disk is asked which of its registers the disk does not have as they are.

// Fresh returns the keys of the registers that were set since Saved, in no order.
func (m *Memory) Fresh() []Key {
	var keys []Key
	for k, r := range m.rows {
		if r.fresh {
			keys = append(keys, k)
		}
	}
	return keys
}

// Saved says that all registers are on disk as they are.
func (m *Memory) Saved() {
	for _, r := range m.rows {
		r.fresh = false
	}
}

// Unsaved says that it is not known of any register whether it is on disk.
func (m *Memory) Unsaved() {
	for _, r := range m.rows {
		r.fresh = true
	}
}

// Load is Put for a register that is on disk as it is.
func (m *Memory) Load(k Key, r Register) error {
	err := m.Put(k, r)
	m.rows[k].fresh = false
	return err
}
