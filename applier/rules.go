package applier

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// Rule says what concurrent writes of a table's rows come to.
type Rule struct {
	Policy    conflict.Policy
	Regions   []string // for Priority: names, the most important first
	Counters  []string // for Merge and Counter: columns whose changes add up
	Timestamp string   // for Timestamp: the column
}

// Rules are the rules of this relay. They must be the same everywhere.
type Rules interface {
	// Of returns a table's rule.
	Of(schema, table string) Rule
	// Differ says how another relay's rules, as its Hello has them, differ from these for a table; "" if they do not.
	Differ(theirs, schema, table string) string
}

// tableRule is what holds for one table.
type tableRule struct {
	rule    *conflict.Rule
	differs map[relay.Region]string // regions that have another rule, and how
}

// rule finds the rule of a row; the lock is held. Nil stands for the last writer wins.
func (a *Applier) rule(k conflict.Key) *conflict.Rule {
	name := tableOf(k)
	if a.cfg.Rules == nil || name == "" { // "": the key is not a row's
		return nil
	}
	r := a.rules[name]
	if r == nil {
		r = a.judge(name)
		a.rules[name] = r
	}
	if isProvisional(k) {
		return unnamedRule(r.rule)
	}
	return r.rule
}

// policy is the name of a table's policy; the lock is held.
func (a *Applier) policy(table string) string {
	if r := a.rule(keyOf(table, "")); r != nil {
		return r.Policy.String()
	}
	return conflict.LWW.String()
}

// judge makes a table's rule. A table for which another region has a different one is held: regions that decide differently would
// not converge.
func (a *Applier) judge(name string) *tableRule {
	schema, table, _ := strings.Cut(name, ".")
	r := &tableRule{rule: a.compile(name, a.cfg.Rules.Of(schema, table)), differs: make(map[relay.Region]string)}
	var regions []string
	for region, peer := range a.peers {
		how := a.cfg.Rules.Differ(peer.Rules, schema, table)
		if how != "" {
			r.differs[region] = how
			regions = append(regions, fmt.Sprintf("region %s: %s", peer.Name, how))
		}
	}
	if len(regions) == 0 {
		if a.tables[name] != nil {
			a.tables[name].dissent = ""
		}
		return r
	}
	slices.Sort(regions)
	r.rule.Held = true
	a.countsOf(name).dissent = strings.Join(regions, "; ")
	a.cfg.Report(relay.Problem{
		Kind: "rules_differ", Subject: name, Detail: strings.Join(regions, "; "),
		Remedy: "write the same [[rule]]s into the configurations of all regions and start their relays again; until then nothing is written to the table",
	})
	return r
}

// rejudge makes all rules again, when a region has been met or has changed its rules; the lock is held. What was held and is not any
// more is repaired.
func (a *Applier) rejudge() {
	freed := make(map[string]bool)
	for name, old := range a.rules {
		a.rules[name] = a.judge(name)
		if old.rule.Held && !a.rules[name].rule.Held {
			freed[name] = true
		}
	}
	if len(freed) > 0 {
		a.engine.UnparkAll(func(k conflict.Key) bool { return freed[tableOf(k)] })
		a.progress.Raise()
	}
}

// compile makes a rule that the engine understands.
func (a *Applier) compile(table string, r Rule) *conflict.Rule {
	rule := &conflict.Rule{Policy: r.Policy, Same: sameRow}
	switch r.Policy {
	case conflict.Priority:
		for _, name := range r.Regions {
			if id := a.regionID(name); id.Valid() {
				rule.Ranks = append(rule.Ranks, id)
			}
		}
	case conflict.Merge, conflict.Counter:
		c := composer{table: table, counters: r.Counters, whole: r.Policy == conflict.Counter, flavour: a.cfg.Flavour, target: a.cfg.Target, unfit: a.unfit}
		rule.Replay = c.replay
	case conflict.Timestamp:
		rule.Moment = func(row conflict.Row) (relay.HLC, bool) { return momentOf(row, r.Timestamp) }
	}
	return rule
}

// regionID is the id of a region. One that was not met yet has written nothing: that its place among the others is not known does not
// matter.
func (a *Applier) regionID(name string) relay.Region {
	if name == a.cfg.Name {
		return a.cfg.Self
	}
	for id, peer := range a.peers {
		if peer.Name == name {
			return id
		}
	}
	return 0
}

// unfit reports a column that a rule names and that cannot be used as the rule says.
func (a *Applier) unfit(table, column, why string) {
	a.cfg.Report(relay.Problem{
		Kind: "rule_unfit", Subject: table, Detail: fmt.Sprintf("column %s: %s; the later write of it counts", column, why),
		Remedy: "correct the [[rule]] of the table in the configurations of all regions",
	})
}

// Dissent says for which tables a region has other rules than this one, "" if for none.
func (a *Applier) Dissent(region relay.Region) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var tables []string
	for name, r := range a.rules {
		if how := r.differs[region]; how != "" {
			tables = append(tables, name+": "+how)
		}
	}
	if len(tables) == 0 {
		return ""
	}
	slices.SortFunc(tables, cmp.Compare[string])
	return "its rules of conflicts differ, the tables are held: " + strings.Join(tables, "; ")
}
