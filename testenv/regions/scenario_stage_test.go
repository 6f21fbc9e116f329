package regions_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/scenarios"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// stage is a bed with what all its scenarios share.
type stage struct {
	bed    *testenv.Bed
	ctx    context.Context
	houses map[string]house   // the databases, by region
	relays map[string]*sql.DB // what their SQL ports say
	cut    map[[2]string]bool
	fences int64
}

func newStage(t *testing.T, bed *testenv.Bed) *stage {
	s := &stage{bed: bed, ctx: t.Context(), houses: make(map[string]house), relays: make(map[string]*sql.DB), cut: make(map[[2]string]bool)}
	for _, r := range bed.Regions {
		h, err := houseOf(r)
		if err != nil {
			t.Fatal(err)
		}
		s.houses[r.Name] = h
		s.relays[r.Name] = relaySQL(t, bed, r.Name)
	}
	return s
}

// await tries until it holds.
func (s *stage) await(check func() error) error {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited %v: %w", patience, err)
		}
	}
}

// patience is how long a step of a scenario may take on a busy machine.
const patience = time.Minute

func (s *stage) cutOff(v scenarios.Cut) {
	for _, r := range s.bed.Regions {
		if r.Name != v.Region && (v.To == "" || v.To == r.Name) {
			s.cut[[2]string{v.Region, r.Name}], s.cut[[2]string{r.Name, v.Region}] = true, true
			s.bed.Network.Link(v.Region, r.Name).Set(testenv.Cut)
			s.bed.Network.Link(r.Name, v.Region).Set(testenv.Cut)
		}
	}
}

func (s *stage) heal() {
	clear(s.cut)
	s.bed.Network.Heal()
}

func (s *stage) kill(v scenarios.Kill) error {
	r := s.bed.Region(v.Region)
	var err error
	if v.Relay {
		err = r.Relay.Kill()
	}
	if v.Database {
		err = errors.Join(err, s.houses[v.Region].restart(s.ctx))
	}
	if v.Relay {
		err = errors.Join(err, r.Relay.Start())
	}
	return err
}

// settle waits until what was written before has arrived everywhere that it can, and has been merged.
func (s *stage) settle() error {
	s.fences++
	for _, r := range s.bed.Regions {
		h := s.houses[r.Name]
		if err := s.await(func() error { return h.write(s.ctx, 0, []string{h.upsert("app.fence", r.ID, "number", s.fences)}) }); err != nil {
			return err
		}
	}
	for _, to := range s.bed.Regions {
		for _, from := range s.bed.Regions {
			if s.cut[[2]string{from.Name, to.Name}] {
				continue
			}
			if err := s.await(func() error { return s.passed(from, to) }); err != nil {
				return err
			}
		}
		if err := s.await(func() error { return s.merged(to) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) passed(from, to *testenv.Region) error {
	rows, err := ask(s.ctx, s.houses[to.Name].DB(), fmt.Sprintf("SELECT number FROM app.fence WHERE region=%d", from.ID))
	if err == nil && flat(rows) != fmt.Sprint(s.fences) {
		err = fmt.Errorf("what region %s has written is not in region %s yet", from.Name, to.Name)
	}
	return err
}

// merged demands that a relay has looked at all that is in its database's log.
func (s *stage) merged(r *testenv.Region) error {
	if err := s.captured(r); err != nil {
		return err
	}
	rows, err := ask(s.ctx, s.relays[r.Name], "SELECT merged_lsn >= capture_lsn FROM octant.status")
	if err == nil && flat(rows) != "1" {
		err = fmt.Errorf("relay %s has not merged its log", r.Name)
	}
	return err
}

// captured demands that a relay has read what applications have written.
func (s *stage) captured(r *testenv.Region) error {
	if err := s.houses[r.Name].captured(s.ctx, s.relays[r.Name]); err != nil {
		return fmt.Errorf("region %s: %w", r.Name, err)
	}
	return nil
}

// startStage starts a bed for scenarios: regions of the engines, one after the other and again from the first.
func startStage(t *testing.T, regions int, all []*scenarios.Scenario, engines ...testenv.Engine) *stage {
	t.Helper()
	return newStage(t, envtest.Start(t, stageOptions(t, regions, all, engines...)))
}

func stageOptions(t *testing.T, regions int, all []*scenarios.Scenario, engines ...testenv.Engine) testenv.Options {
	t.Helper()
	return testenv.Options{
		Regions: regions, Memory: true, Relaxed: true, Octant: envtest.Octant(t), Engines: engines,
		SchemaOf: func(r *testenv.Region) string { return stageSchema(r.Engine, all) },
		Configure: func(c *testenv.RelayConfig) {
			c.Rules = nil
			for _, s := range all {
				c.Rules = append(c.Rules, scenarioRules(s, s.Rules, c.Region.Name)...)
			}
		},
	}
}

// stageSchema makes the tables of all scenarios, and one that the stage writes to.
func stageSchema(e testenv.Engine, all []*scenarios.Scenario) string {
	var text strings.Builder
	if e == testenv.PostgreSQL {
		text.WriteString("RESET ROLE; CREATE SCHEMA away AUTHORIZATION octant; SET ROLE octant;\n")
	} else {
		text.WriteString("CREATE DATABASE away; CREATE DATABASE app;\n")
	}
	text.WriteString("CREATE TABLE app.fence (region INT PRIMARY KEY, number BIGINT NOT NULL);\n")
	for _, s := range all {
		text.WriteString(scenarioSchema(e, s))
	}
	return text.String()
}
