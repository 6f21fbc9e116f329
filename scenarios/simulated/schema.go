package simulated

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/scenarios"
)

// schema is what a scenario's tables are like. It implements simulation.Schema.
type schema struct {
	tables  map[string]*scenarios.Table
	rules   map[string]map[string]scenarios.Rule // by region and table
	refused map[string]map[string]scenarios.Refuse
	apart   map[string]bool // tables of which the regions' rules differ
}

func newSchema(s *scenarios.Scenario) *schema {
	c := &schema{
		tables: make(map[string]*scenarios.Table), rules: make(map[string]map[string]scenarios.Rule),
		refused: make(map[string]map[string]scenarios.Refuse), apart: make(map[string]bool),
	}
	for i := range s.Tables {
		c.tables[s.Tables[i].Name] = &s.Tables[i]
	}
	for _, region := range scenarios.Regions {
		c.rules[region], c.refused[region] = make(map[string]scenarios.Rule), make(map[string]scenarios.Refuse)
		for _, r := range s.Rules {
			if r.Region == "" || r.Region == region {
				c.rules[region][r.Table] = r
			}
		}
	}
	c.compare()
	return c
}

func regionOf(name string) relay.Region {
	return relay.Region(slices.Index(scenarios.Regions, name) + 1)
}

func nameOf(r relay.Region) string { return scenarios.Regions[r-1] }

func key(table string, id int) conflict.Key { return conflict.Key(table + "/" + strconv.Itoa(id)) }

func split(k conflict.Key) (table string, id int) {
	table, number, _ := strings.Cut(string(k), "/")
	id, _ = strconv.Atoi(number) // key wrote it
	return table, id
}

// image writes a row: its columns in order, only those that have a value.
func image(v scenarios.Values) string {
	var text strings.Builder
	for _, column := range slices.Sorted(maps.Keys(v)) {
		fmt.Fprintf(&text, "%s=%s;", column, v[column])
	}
	return text.String()
}

func valuesOf(image string) scenarios.Values {
	v := scenarios.Values{}
	for cell := range strings.SplitSeq(strings.TrimSuffix(image, ";"), ";") {
		if column, value, ok := strings.Cut(cell, "="); ok {
			v[column] = value
		}
	}
	return v
}

// Row implements simulation.Schema.
func (c *schema) Row(k conflict.Key, image string) conflict.Row {
	table, _ := split(k)
	row := conflict.Row{Image: relay.Image(image), Children: c.children(k)}
	row.Middle = len(row.Children) > 0 && slices.ContainsFunc(c.tables[table].Columns, func(col scenarios.Column) bool { return tied(&col) })
	if !slices.ContainsFunc(c.tables[table].Columns, func(col scenarios.Column) bool { return col.Unique || tied(&col) }) {
		return row
	}
	v := valuesOf(image)
	for _, col := range c.tables[table].Columns {
		value, ok := v[col.Name]
		if ok && col.Unique {
			row.Unique = append(row.Unique, table+"."+col.Name+"="+value)
		}
		if ok && tied(&col) {
			row.Parents = append(row.Parents, table+"."+col.Name+"->"+value)
		}
	}
	return row
}

// tied tells whether a column changes with the row that it references.
func tied(c *scenarios.Column) bool { return c.References != "" && c.OnDelete != scenarios.Restrict }

// children is how other rows name a row as their parent.
func (c *schema) children(k conflict.Key) (names []string) {
	table, id := split(k)
	for name, t := range c.tables {
		for i := range t.Columns {
			if col := &t.Columns[i]; tied(col) && col.References == table {
				names = append(names, name+"."+col.Name+"->"+strconv.Itoa(id))
			}
		}
	}
	slices.Sort(names)
	return names
}

// Left implements simulation.Schema: rows are referred to by their keys, and a row that is given another one is deleted and inserted.
func (*schema) Left(*conflict.Change) []string { return nil }

// Rekeyed implements simulation.Schema: see Left.
func (*schema) Rekeyed(*conflict.Change) []conflict.Rekey { return nil }

// Follow implements simulation.Schema.
func (*schema) Follow(_ conflict.Key, row conflict.Row, _ *conflict.Rekey) (conflict.Row, error) {
	return row, nil
}

// Heir implements simulation.Schema.
func (*schema) Heir(string) string { return "" }

// Rival implements simulation.Schema.
func (*schema) Rival(string) string { return "" }

// Bereave implements simulation.Schema.
func (c *schema) Bereave(k conflict.Key, row conflict.Row, parent string) (conflict.Row, error) {
	table, _ := split(k)
	from, value, _ := strings.Cut(parent, "->")
	v := valuesOf(string(row.Image))
	for i := range c.tables[table].Columns {
		col := &c.tables[table].Columns[i]
		if from != table+"."+col.Name || v[col.Name] != value {
			continue
		}
		if col.OnDelete == scenarios.Cascade {
			return row.Deleted(), nil
		}
		delete(v, col.Name)
		return c.Row(k, image(v)), nil
	}
	return row, nil
}

func (c *schema) row(table string, v scenarios.Values) conflict.Row {
	return c.Row(key(table, 0), image(v))
}

// Refuses implements simulation.Schema.
func (c *schema) Refuses(region relay.Region, w *conflict.Write) bool {
	table, id := split(w.Key)
	r, refused := c.refused[nameOf(region)][table]
	return refused && (r.From == 0 || w.After.Exists() && id >= r.From)
}

// compare finds out for which tables the regions' rules differ.
func (c *schema) compare() {
	for table := range c.tables {
		first := c.words(scenarios.Regions[0], table)
		c.apart[table] = slices.ContainsFunc(scenarios.Regions, func(r string) bool { return c.words(r, table) != first })
	}
}

// words is a rule as regions compare it.
func (c *schema) words(region, table string) string {
	r := c.rules[region][table]
	if r.Policy == "" {
		r.Policy = "lww"
	}
	return fmt.Sprint(r.Policy, r.Regions, r.Counters, r.Timestamp)
}

// Rule implements simulation.Schema.
func (c *schema) Rule(region relay.Region, k conflict.Key) *conflict.Rule {
	table, _ := split(k)
	rule := c.policy(c.rules[nameOf(region)][table])
	rule.Held = c.apart[table]
	return rule
}

func (c *schema) policy(r scenarios.Rule) *conflict.Rule {
	switch {
	case r.Policy == "priority":
		rule := &conflict.Rule{Policy: conflict.Priority}
		for _, name := range r.Regions {
			rule.Ranks = append(rule.Ranks, regionOf(name))
		}
		return rule
	case r.Policy == "merge":
		return &conflict.Rule{Policy: conflict.Merge, Replay: c.replay(r, false)}
	case r.Policy == "reject":
		return &conflict.Rule{Policy: conflict.Reject}
	case r.Policy == "rollback":
		return &conflict.Rule{Policy: conflict.Rollback}
	case len(r.Counters) > 0:
		return &conflict.Rule{Policy: conflict.Counter, Replay: c.replay(r, true)}
	case r.Timestamp != "":
		return &conflict.Rule{Policy: conflict.Timestamp, Moment: func(row conflict.Row) (relay.HLC, bool) {
			n, err := strconv.Atoi(valuesOf(string(row.Image))[r.Timestamp])
			return relay.HLC(n), err == nil
		}}
	}
	return &conflict.Rule{Policy: conflict.LWW}
}

// replay does to one row what an update did to another: all columns that it changed, or whole all but the counters; counters are added.
func (c *schema) replay(r scenarios.Rule, whole bool) func(onto, before, after conflict.Row) (conflict.Row, error) {
	return func(onto, before, after conflict.Row) (conflict.Row, error) {
		o, b, a := valuesOf(string(onto.Image)), valuesOf(string(before.Image)), valuesOf(string(after.Image))
		for _, col := range c.tables[r.Table].Columns {
			switch n := col.Name; {
			case slices.Contains(r.Counters, n) && counts(o, b, a, n):
				o[n] = strconv.Itoa(numberIn(o, n) + numberIn(a, n) - numberIn(b, n))
			case whole || a[n] != b[n]:
				put(o, n, a)
			}
		}
		return c.row(r.Table, o), nil
	}
}

func counts(o, b, a scenarios.Values, column string) bool {
	return o[column] != "" && b[column] != "" && a[column] != ""
}

func numberIn(v scenarios.Values, column string) int {
	n, _ := strconv.Atoi(v[column]) // the parser has taken it for a number
	return n
}

func put(onto scenarios.Values, column string, from scenarios.Values) {
	if value, ok := from[column]; ok {
		onto[column] = value
		return
	}
	delete(onto, column)
}
