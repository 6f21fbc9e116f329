package applier

import "time"

// When it is looked for what may be forgotten: now and then, since others have gone on, and when the index has grown. In a long backlog, of which each part may be forgotten
// as soon as it is merged, the index stays so small that the processor's caches hold it.
const (
	forgetEvery = 200 * time.Millisecond
	forgetAfter = 4096 // registers
)

// forget drops what every region has seen, and tells whether too much is left for memory, and whether there are many new conflicts.
func (a *Applier) forget() (full, noted bool, err error) {
	a.lookups.Lock()
	defer a.lookups.Unlock()
	a.gate.Lock()
	defer a.gate.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	err = a.forgetNow()
	return a.index.full() || a.index.behind, a.notes.full(), err
}

// forgetGrown is forget where the index has grown by much. The gate is held. While others look something up it can wait.
func (a *Applier) forgetGrown() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.index.Len() < a.left+forgetAfter || !a.lookups.TryLock() {
		return nil
	}
	defer a.lookups.Unlock()
	return a.forgetNow()
}

func (a *Applier) forgetNow() error {
	err := a.engine.Forget()
	a.left = a.index.Len()
	return err
}
