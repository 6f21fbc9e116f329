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
)

// stage is a bed with what all its scenarios share.
type stage struct {
	bed    *testenv.Bed
	ctx    context.Context
	relays map[string]*sql.DB // what their SQL ports say
	cut    map[[2]string]bool
	fences int64
}

func newStage(t *testing.T, bed *testenv.Bed) *stage {
	s := &stage{bed: bed, ctx: t.Context(), relays: make(map[string]*sql.DB), cut: make(map[[2]string]bool)}
	for _, r := range bed.Regions {
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
const patience = 20 * time.Second

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
		err = errors.Join(err, r.Server.Kill(), r.Server.Start(s.ctx))
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
		if err := s.exec(r, fmt.Sprintf("REPLACE INTO fence.passed VALUES (%d, %d)", r.ID, s.fences)); err != nil {
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
	rows, err := ask(s.ctx, to.Server.DB(), fmt.Sprintf("SELECT number FROM fence.passed WHERE region=%d", from.ID))
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

// captured demands that a relay has read what its database has logged.
func (s *stage) captured(r *testenv.Region) error {
	logs, err := ask(s.ctx, r.Server.DB(), "SHOW BINARY LOGS")
	if err != nil {
		return err
	}
	last := logs[len(logs)-1]
	rows, err := ask(s.ctx, s.relays[r.Name], "SELECT file, position FROM octant.log")
	if err != nil {
		return err
	}
	var end, at int64
	_, _ = fmt.Sscan(last[1], &end)
	_, _ = fmt.Sscan(rows[0][1], &at)
	if rows[0][0] != last[0] || at < end {
		return fmt.Errorf("relay %s has read up to %s:%d of %s:%d", r.Name, rows[0][0], at, last[0], end)
	}
	return nil
}

// exec runs statements on one connection, again if the server was killed before the first of them.
func (s *stage) exec(r *testenv.Region, statements ...string) error {
	var conn *sql.Conn
	err := s.await(func() error {
		var err error
		if conn, err = r.Server.DB().Conn(s.ctx); err != nil {
			return err
		}
		if err = conn.PingContext(s.ctx); err != nil {
			_ = conn.Close()
		}
		return err
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, statement := range append([]string{"SET SESSION sql_log_bin=1, timestamp=DEFAULT, autocommit=1"}, statements...) {
		result, err := conn.ExecContext(s.ctx, statement)
		if err != nil {
			_, _ = conn.ExecContext(s.ctx, "ROLLBACK")
			return fmt.Errorf("region %s: %.200s: %w", r.Name, statement, err)
		}
		if n, _ := result.RowsAffected(); n == 0 && (strings.HasPrefix(statement, "UPDATE") || strings.HasPrefix(statement, "DELETE")) {
			_, _ = conn.ExecContext(s.ctx, "ROLLBACK")
			return fmt.Errorf("region %s: %.200s: changes nothing", r.Name, statement)
		}
	}
	return nil
}

// startStage starts a bed for scenarios.
func startStage(t *testing.T, engine testenv.Engine, regions int, all []*scenarios.Scenario) *stage {
	t.Helper()
	var schema strings.Builder
	schema.WriteString("CREATE DATABASE away;\n")
	for _, s := range all {
		schema.WriteString(scenarioSchema(s))
	}
	bed := smallBed(t, testenv.Options{
		Regions: regions, Schema: schema.String(), Memory: true, Engine: engine, Configure: func(c *testenv.RelayConfig) {
			c.Rules = nil
			for _, s := range all {
				c.Rules = append(c.Rules, scenarioRules(s, s.Rules, c.Region.Name)...)
			}
		},
	})
	return newStage(t, bed)
}
