package regions_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/octant-db/octant/scenarios"
	"github.com/octant-db/octant/testenv"
)

// realWorld is a scenario's world in real databases. It implements scenarios.World.
type realWorld struct {
	*stage
	scenario *scenarios.Scenario
	chorus   *chorus
	skew     map[string]time.Duration
	rules    map[string][]scenarios.Rule // that were changed, by region
}

func newRealWorld(s *stage, scenario *scenarios.Scenario, c *chorus) *realWorld {
	return &realWorld{stage: s, scenario: scenario, chorus: c, skew: make(map[string]time.Duration), rules: make(map[string][]scenarios.Rule)}
}

func (w *realWorld) table(name string) string { return "app." + tableName(w.scenario, name) }

// Commit waits until the relay has read the transaction: what is written next is later, wherever it is written.
func (w *realWorld) Commit(region string, writes []scenarios.Write) error {
	r := w.bed.Region(region)
	var list []string
	for i := range writes {
		list = append(list, statementsOf(w.scenario, &writes[i])...)
	}
	if err := w.await(func() error { return w.answers(region) }); err != nil {
		return err
	}
	if err := w.houses[region].write(w.ctx, w.skew[region], list); err != nil {
		return fmt.Errorf("region %s: %w", region, err)
	}
	return w.await(func() error { return w.captured(r) })
}

func (w *realWorld) Cut(region, to string) error {
	return w.chorus.together(func() error {
		w.cutOff(scenarios.Cut{Region: region, To: to})
		return nil
	})
}

func (w *realWorld) Heal() error {
	return w.chorus.together(func() error {
		w.heal()
		return nil
	})
}

func (w *realWorld) Kill(v scenarios.Kill) error {
	return w.chorus.together(func() error { return w.kill(v) })
}

func (w *realWorld) Settle() error { return w.chorus.together(w.settle) }

func (w *realWorld) Skew(region string, by time.Duration) error {
	w.skew[region] = by
	return nil
}

func (w *realWorld) Change(rule scenarios.Rule) error {
	r := w.bed.Region(rule.Region)
	err := r.Relay.Configure(func(c *testenv.RelayConfig) {
		c.Rules = append(scenarioRules(w.scenario, []scenarios.Rule{rule}, rule.Region), c.Rules...)
	})
	if err != nil {
		return err
	}
	return w.chorus.together(func() error { return w.kill(scenarios.Kill{Region: rule.Region, Relay: true}) })
}

// answers demands that a database takes connections.
func (s *stage) answers(region string) error {
	conn, err := connection(s.ctx, s.houses[region].DB())
	if err == nil {
		err = conn.Close()
	}
	return err
}

// Refuse takes the table away, or gives it too few partitions, where no log shows it.
func (w *realWorld) Refuse(v scenarios.Refuse) error {
	h := w.houses[v.Region]
	change := h.takeAway(tableName(w.scenario, v.Table))
	if v.From != 0 {
		change = h.narrow(tableName(w.scenario, v.Table), v.From)
	}
	return h.alter(w.ctx, change)
}

func (w *realWorld) Accept(region, table string) error {
	h, name := w.houses[region], tableName(w.scenario, table)
	change := h.widen(name)
	if rows, err := ask(w.ctx, h.DB(), "SELECT 1 FROM information_schema.tables WHERE table_schema='away' AND table_name='"+name+"'"); err != nil {
		return err
	} else if len(rows) > 0 {
		change = h.bringBack(name)
	}
	if err := h.alter(w.ctx, change); err != nil {
		return err
	}
	return w.await(func() error { return w.retry(region, table) })
}

// retry asks for what was refused to be tried again: by itself that takes longer than a test.
func (w *realWorld) retry(region, table string) error {
	ids, err := ask(w.ctx, w.relays[region], "SELECT id FROM octant.dead_letters WHERE state <> 'skipped' AND table_name='"+w.table(table)+"'")
	if err != nil || len(ids) == 0 {
		return err
	}
	for _, id := range ids {
		_, err = w.relays[region].ExecContext(w.ctx, "CALL octant.retry("+id[0]+")")
	}
	return fmt.Errorf("%d rows are still refused (%w)", len(ids), err)
}

func (w *realWorld) Skip(region, table string, id int) error {
	return w.call(region, "dead_letters", table, id, "CALL octant.skip(%s)")
}

func (w *realWorld) Resolve(v scenarios.Resolve) error {
	which := "'local'"
	if v.Remote {
		which = "'remote'"
	}
	return w.call(v.Region, "conflicts", v.Table, v.ID, "CALL octant.resolve(%s, "+which+")")
}

// call calls a procedure for a row that a relay's table has.
func (w *realWorld) call(region, from, table string, id int, statement string) error {
	var rows [][]string
	err := w.await(func() (err error) {
		rows, err = ask(w.ctx, w.relays[region], fmt.Sprintf("SELECT id FROM octant.%s WHERE table_name='%s' AND `key`='{\"id\":%d}'", from, w.table(table), id))
		if err == nil && len(rows) == 0 {
			err = fmt.Errorf("row %d of %s is not in octant.%s of region %s", id, table, from, region)
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = w.relays[region].ExecContext(w.ctx, fmt.Sprintf(statement, rows[0][0]))
	return err
}

func (w *realWorld) Await(check func() error) error { return w.await(check) }

func (w *realWorld) Rows(region, table string) (map[int]scenarios.Values, error) {
	var columns []string
	for _, t := range w.scenario.Tables {
		for _, c := range t.Columns {
			if t.Name == table {
				columns = append(columns, c.Name)
			}
		}
	}
	rows, err := ask(w.ctx, w.houses[region].DB(), "SELECT id, "+strings.Join(columns, ", ")+" FROM "+w.table(table))
	if err != nil {
		return nil, err
	}
	found := make(map[int]scenarios.Values)
	for _, row := range rows {
		v := scenarios.Values{}
		for i, name := range columns {
			if row[i+1] != "NULL" {
				v[name] = row[i+1]
			}
		}
		var id int
		_, _ = fmt.Sscan(row[0], &id)
		found[id] = v
	}
	return found, nil
}

func (w *realWorld) Conflicts(region, table string) ([]scenarios.Noted, error) {
	rows, err := ask(w.ctx, w.relays[region], "SELECT `key`, kind FROM octant.conflicts WHERE table_name='"+w.table(table)+"'")
	var list []scenarios.Noted
	for _, row := range rows {
		n := scenarios.Noted{Kind: row[1]}
		if _, err := fmt.Sscanf(row[0], `{"id":%d}`, &n.ID); err != nil {
			return nil, fmt.Errorf("key %s: %w", row[0], err)
		}
		list = append(list, n)
	}
	return list, err
}

func (w *realWorld) Letters(region, table string) (int, error) {
	rows, err := ask(w.ctx, w.relays[region], "SELECT id FROM octant.dead_letters WHERE state <> 'skipped' AND table_name='"+w.table(table)+"'")
	return len(rows), err
}

func (w *realWorld) Held(region, table string) (bool, error) {
	rows, err := ask(w.ctx, w.relays[region], "SELECT state FROM octant.tables WHERE table_name='"+w.table(table)+"'")
	return flat(rows) == "held", err
}
