package regions_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/scenarios"
	"github.com/octant-db/octant/testenv"
)

// tableName is where a scenario's table stands: all scenarios share the databases.
func tableName(s *scenarios.Scenario, table string) string {
	return strings.ReplaceAll(s.Name, "-", "_") + "__" + table
}

// scenarioSchema makes the tables and triggers of a scenario.
func scenarioSchema(e testenv.Engine, s *scenarios.Scenario) string {
	var text strings.Builder
	for i := range s.Tables {
		t := &s.Tables[i]
		columns := []string{"id INT PRIMARY KEY"}
		for _, c := range t.Columns {
			kind := "VARCHAR(30)" + bytewise[e]
			if c.Number {
				kind = "INT"
			}
			columns = append(columns, c.Name+" "+kind)
			if c.Unique {
				columns = append(columns, "UNIQUE ("+c.Name+")")
			}
			if c.References != "" {
				action := map[scenarios.Action]string{scenarios.Cascade: " ON DELETE CASCADE", scenarios.SetNull: " ON DELETE SET NULL"}[c.OnDelete]
				columns = append(columns, fmt.Sprintf("FOREIGN KEY (%s) REFERENCES app.%s (id)%s", c.Name, tableName(s, c.References), action))
			}
		}
		fmt.Fprintf(&text, "CREATE TABLE app.%s (%s);\n", tableName(s, t.Name), strings.Join(columns, ", "))
		if e == testenv.PostgreSQL && ruled(s, t.Name) {
			fmt.Fprintf(&text, "ALTER TABLE app.%s REPLICA IDENTITY FULL;\n", tableName(s, t.Name))
		}
	}
	for _, g := range s.Triggers {
		text.WriteString(trigger(e, tableName(s, g.On), tableName(s, g.Into)))
	}
	return text.String()
}

// ruled tells whether a table has, at some time and somewhere, another rule than that the last writer wins.
func ruled(s *scenarios.Scenario, table string) bool {
	rules := slices.Clone(s.Rules)
	for _, step := range s.Steps {
		if change, ok := step.Do.(scenarios.Change); ok {
			rules = append(rules, change.Rule)
		}
	}
	return slices.ContainsFunc(rules, func(r scenarios.Rule) bool { return r.Table == table && !onlyLast(r) })
}

// onlyLast tells whether the last writer wins by a rule.
func onlyLast(r scenarios.Rule) bool {
	return (r.Policy == "" || r.Policy == "lww") && r.Timestamp == "" && len(r.Counters) == 0
}

// bytewise has texts be equal, in a unique key too, where their bytes are, so that regions of several engines mean the same.
var bytewise = map[testenv.Engine]string{
	testenv.MariaDB1011: " CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin", testenv.MariaDB118: " CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
	testenv.MySQL97: " CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin",
}

// trigger makes a row of one table for each new row of another.
func trigger(e testenv.Engine, on, into string) string {
	if e == testenv.PostgreSQL {
		return fmt.Sprintf(`CREATE FUNCTION app.%s_fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO app.%s (id) VALUES (NEW.id); RETURN NEW; END';
CREATE TRIGGER fires AFTER INSERT ON app.%s FOR EACH ROW EXECUTE FUNCTION app.%s_fires();
`, on, into, on, on)
	}
	return fmt.Sprintf("CREATE TRIGGER app.%s_fires AFTER INSERT ON app.%s FOR EACH ROW INSERT INTO app.%s (id) VALUES (NEW.id);\n", on, on, into)
}

// scenarioRules are the rules of a scenario's tables in a region.
func scenarioRules(s *scenarios.Scenario, rules []scenarios.Rule, region string) []testenv.RuleConfig {
	var list []testenv.RuleConfig
	for _, r := range slices.Backward(rules) { // the first that matches counts in a configuration, the last one in a scenario
		if r.Region == "" || r.Region == region {
			list = append(list, testenv.RuleConfig{
				Tables: []string{"app." + tableName(s, r.Table)}, Policy: r.Policy, Regions: r.Regions, Counters: r.Counters, Timestamp: r.Timestamp,
			})
		}
	}
	return list
}

// statementsOf is a write as SQL.
func statementsOf(s *scenarios.Scenario, w *scenarios.Write) []string {
	table := "app." + tableName(s, w.Table)
	switch w.Op {
	case scenarios.Insert:
		return []string{insertOf(table, w)}
	case scenarios.Update:
		return []string{updateOf(table, w)}
	case scenarios.Delete:
		return []string{fmt.Sprintf("DELETE FROM %s WHERE id=%d", table, w.ID)}
	case scenarios.Truncate:
		return []string{"TRUNCATE TABLE " + table}
	}
	return []string{"DELETE FROM " + table}
}

func insertOf(table string, w *scenarios.Write) string {
	columns, values := []string{"id"}, ""
	for _, a := range w.Values {
		columns = append(columns, a.Column)
		values += ", " + literal(a)
	}
	var rows []string
	for id := w.ID; id <= w.Last; id++ {
		rows = append(rows, fmt.Sprintf("(%d%s)", id, values))
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES %s", table, strings.Join(columns, ", "), strings.Join(rows, ", "))
}

func updateOf(table string, w *scenarios.Write) string {
	var set []string
	for _, a := range w.Values {
		if a.Add {
			set = append(set, fmt.Sprintf("%s=COALESCE(%s, 0)+(%s)", a.Column, a.Column, a.Value))
			continue
		}
		set = append(set, a.Column+"="+literal(a))
	}
	if w.MoveTo != 0 {
		set = append(set, fmt.Sprintf("id=%d", w.MoveTo))
	}
	return fmt.Sprintf("UPDATE %s SET %s WHERE id=%d", table, strings.Join(set, ", "), w.ID)
}

// literal is a value as SQL; a scenario's values have no quotes in them.
func literal(a scenarios.Assignment) string {
	if a.Null {
		return "NULL"
	}
	return "'" + a.Value + "'"
}
