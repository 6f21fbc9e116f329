package applier

import (
	"maps"
	"slices"
	"time"

	"github.com/octant-db/octant/relay"
)

// remindFor is how long a restarted relay tells again what it has told: for as long as it would have been listed.
const remindFor = 24 * time.Hour

// remindersKey is where reminders are kept in the Store.
var remindersKey = []byte("g")

// reminders are problems that nothing shows a second time: rows may be different in this region, by what a foreign key did in silence. They are saved with a checkpoint, before
// the place in the log behind which they would be met again, so that a relay that was restarted does not seem to be well.
type reminders struct {
	list    map[string]reminder // by subject
	changed bool
}

type reminder struct {
	Problem relay.Problem
	At      time.Time
}

func openReminders(store relay.Store, now time.Time) (reminders, error) {
	r := reminders{list: make(map[string]reminder)}
	if err := loadRecord(store, remindersKey, &r.list); err != nil {
		return r, err
	}
	maps.DeleteFunc(r.list, func(_ string, x reminder) bool { return now.Sub(x.At) > remindFor })
	return r, nil
}

// save puts what has changed into a checkpoint.
func (r *reminders) save(w *writer) error {
	if !r.changed {
		return nil
	}
	data, err := encode(r.list)
	if err != nil {
		return err
	}
	w.put(remindersKey, data)
	return nil
}

// remind reports a problem now and, for a while, after each restart.
func (a *Applier) remind(p relay.Problem) {
	a.cfg.Report(p)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.alerts.list[p.Subject] = reminder{p, a.cfg.Clock.Now()}
	a.alerts.changed = true
}

// remindAgain reports what was told before the relay was restarted.
func (a *Applier) remindAgain() {
	a.mu.Lock()
	list := maps.Clone(a.alerts.list)
	a.mu.Unlock()
	for _, subject := range slices.Sorted(maps.Keys(list)) {
		a.cfg.Report(list[subject].Problem)
	}
}
