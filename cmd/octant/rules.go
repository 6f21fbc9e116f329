package main

import (
	"fmt"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/protocol/values"
)

// rules gives the applier the configuration's rules.
type rules struct{ config.Rules }

// policies are what the configuration's words stand for.
var policies = map[string]conflict.Policy{
	config.PolicyLWW: conflict.LWW, config.PolicyPriority: conflict.Priority, config.PolicyMerge: conflict.Merge,
	config.PolicyReject: conflict.Reject, config.PolicyRollback: conflict.Rollback,
}

// Of implements applier.Rules.
func (r rules) Of(schema, table string) applier.Rule {
	rule := r.Rules.Of(schema, table)
	a := applier.Rule{Policy: policies[rule.Policy], Regions: rule.Regions, Counters: rule.Counters, Timestamp: rule.Timestamp}
	switch {
	case rule.Policy != config.PolicyLWW:
	case len(rule.Counters) > 0:
		a.Policy = conflict.Counter
	case rule.Timestamp != "":
		a.Policy = conflict.Timestamp
	}
	return a
}

// Differ implements applier.Rules.
func (r rules) Differ(text, schema, table string) string {
	theirs, err := config.ParseRules(text)
	if err != nil {
		return err.Error()
	}
	here, there := r.Rules.Of(schema, table), theirs.Of(schema, table)
	if here.Equal(there) {
		return ""
	}
	return fmt.Sprintf("%s there, %s here", there, here)
}

// demand is what a table's rule asks for where regions have several engines.
func (r rules) demand(schema, table string) values.Demand {
	rule := r.Of(schema, table)
	compares := rule.Policy != conflict.LWW && rule.Policy != conflict.Priority && rule.Policy != conflict.Timestamp
	return values.Demand{Alike: compares, Counters: rule.Counters, Timestamp: rule.Timestamp}
}

// judged tells whether a table's log must have the row before each change, since not the last writer wins.
func (r rules) judged(schema, table string) bool { return r.Of(schema, table).Policy != conflict.LWW }

// composed tells whether rows of a table are composed of several writes.
func (r rules) composed(schema, table string) bool {
	p := r.Of(schema, table).Policy
	return p == conflict.Merge || p == conflict.Counter
}
