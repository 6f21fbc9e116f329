package simulated

import (
	"fmt"
	"slices"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/conflict/simulation"
	"github.com/octant-db/octant/scenarios"
)

// World is a scenario's world in the simulation.
type World struct {
	scenario *scenarios.Scenario
	schema   *schema
	stage    *simulation.Stage
}

// New returns the world of a scenario, where the seed decides what is not in the file.
func New(s *scenarios.Scenario, seed uint64) *World {
	c := newSchema(s)
	return &World{scenario: s, schema: c, stage: simulation.NewStage(seed, len(scenarios.Regions), c)}
}

// Play plays a scenario once.
func Play(s *scenarios.Scenario, seed uint64) error {
	w := New(s, seed)
	if err := scenarios.Play(s, w); err != nil {
		return err
	}
	return w.stage.Check()
}

// Commit implements scenarios.World.
func (w *World) Commit(region string, writes []scenarios.Write) error {
	if writes[0].Op == scenarios.Truncate {
		w.stage.Truncate(regionOf(region), writes[0].Table)
		return nil
	}
	s := session{w: w, region: regionOf(region), place: make(map[conflict.Key]int)}
	for i := range writes {
		if err := s.run(&writes[i]); err != nil {
			return err
		}
	}
	return w.stage.Commit(s.region, s.writes, false)
}

// Cut implements scenarios.World.
func (w *World) Cut(region, to string) error {
	for _, other := range scenarios.Regions {
		if other != region && (to == "" || to == other) {
			w.stage.Cut(regionOf(region), regionOf(other))
		}
	}
	return nil
}

// Heal implements scenarios.World.
func (w *World) Heal() error {
	w.stage.Heal()
	return nil
}

// Kill implements scenarios.World.
func (w *World) Kill(k scenarios.Kill) error {
	if k.Database {
		w.stage.KillDatabase(regionOf(k.Region))
	}
	if k.Relay {
		w.stage.KillRelay(regionOf(k.Region))
	}
	return nil
}

// Skew implements scenarios.World.
func (w *World) Skew(region string, by time.Duration) error {
	w.stage.Skew(regionOf(region), by)
	return nil
}

// Change implements scenarios.World.
func (w *World) Change(r scenarios.Rule) error {
	held := w.schema.apart[r.Table]
	w.schema.rules[r.Region][r.Table] = r
	w.schema.compare()
	for _, region := range scenarios.Regions {
		if held && !w.schema.apart[r.Table] {
			w.retry(region, r.Table)
		}
	}
	return nil
}

func (w *World) retry(region, table string) {
	w.stage.Retry(regionOf(region), func(k conflict.Key) bool {
		t, _ := split(k)
		return t == table
	})
}

// Refuse implements scenarios.World.
func (w *World) Refuse(r scenarios.Refuse) error {
	w.schema.refused[r.Region][r.Table] = r
	return nil
}

// Accept implements scenarios.World.
func (w *World) Accept(region, table string) error {
	delete(w.schema.refused[region], table)
	w.retry(region, table)
	return nil
}

// Skip implements scenarios.World.
func (w *World) Skip(region, table string, id int) error {
	k := key(table, id)
	if !slices.Contains(w.stage.Owed(regionOf(region)), k) {
		return fmt.Errorf("row %d of %s is no dead letter", id, table)
	}
	w.stage.Skip(regionOf(region), k)
	return nil
}

// Resolve implements scenarios.World.
func (w *World) Resolve(r scenarios.Resolve) error {
	var last *conflict.Conflict
	for _, c := range w.stage.Conflicts(regionOf(r.Region)) {
		if c.Key == key(r.Table, r.ID) && (last == nil || c.There.Version.After(last.There.Version)) {
			last = &c
		}
	}
	if last == nil {
		return fmt.Errorf("no conflict of row %d of %s is on record", r.ID, r.Table)
	}
	row := last.Here.Row
	if r.Remote {
		row = last.There.Row
	}
	return w.stage.Commit(regionOf(r.Region), []conflict.Write{{Key: last.Key, After: row}}, true)
}

// Settle implements scenarios.World.
func (w *World) Settle() error { return w.stage.Settle() }

// Await implements scenarios.World. Nothing happens by itself here.
func (w *World) Await(check func() error) error { return check() }

// Rows implements scenarios.World.
func (w *World) Rows(region, table string) (map[int]scenarios.Values, error) {
	rows := make(map[int]scenarios.Values)
	for _, k := range w.stage.Keys(regionOf(region)) {
		if t, id := split(k); t == table {
			rows[id] = valuesOf(string(w.stage.Row(regionOf(region), k).Image))
		}
	}
	return rows, nil
}

// Conflicts implements scenarios.World.
func (w *World) Conflicts(region, table string) ([]scenarios.Noted, error) {
	var list []scenarios.Noted
	for _, c := range w.stage.Conflicts(regionOf(region)) {
		if t, id := split(c.Key); t == table {
			list = append(list, scenarios.Noted{ID: id, Kind: c.Kind})
		}
	}
	return list, nil
}

// Letters implements scenarios.World.
func (w *World) Letters(region, table string) (int, error) {
	n := 0
	for _, k := range w.stage.Owed(regionOf(region)) {
		if t, _ := split(k); t == table && !w.schema.apart[table] {
			n++
		}
	}
	return n, nil
}

// Held implements scenarios.World.
func (w *World) Held(_, table string) (bool, error) { return w.schema.apart[table], nil }
