package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The conflict policies; docs/operations.md says what each means.
const (
	PolicyLWW      = "lww"
	PolicyPriority = "priority"
	PolicyMerge    = "merge"
	PolicyReject   = "reject"
	PolicyRollback = "rollback"
)

var policies = []string{PolicyLWW, PolicyPriority, PolicyMerge, PolicyReject, PolicyRollback}

// Rule gives the tables that it matches a conflict policy.
type Rule struct {
	Tables    []string `json:"tables,omitempty"` // globs
	Policy    string   `json:"policy"`
	Regions   []string `json:"regions,omitempty"`   // of priority: the most important first
	Counters  []string `json:"counters,omitempty"`  // of lww and merge: columns whose changes add up
	Timestamp string   `json:"timestamp,omitempty"` // of lww: the column that says which write is later

	globs []glob
}

// Rules are tried in their order.
type Rules []Rule

// Of returns the rule of a table: the first that matches, or else that the later write wins.
func (r Rules) Of(schema, table string) Rule {
	for _, rule := range r {
		if matchesAny(rule.globs, schema, table) {
			return rule
		}
	}
	return Rule{Policy: PolicyLWW}
}

// Text is what other relays are told of the rules; "" if there are none.
func (r Rules) Text() string {
	if len(r) == 0 {
		return ""
	}
	text, _ := json.Marshal([]Rule(r)) // strings alone
	return string(text)
}

// ParseRules reads what Text wrote. What a later version may say and this one does not know is an error.
func ParseRules(text string) (Rules, error) {
	var rules Rules
	if text == "" {
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&rules); err != nil {
		return nil, errors.New("its rules cannot be read")
	}
	for i := range rules {
		var err error
		if rules[i].globs, err = parseGlobs(rules[i].Tables); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// Equal tells whether two rules mean the same for a table.
func (r Rule) Equal(s Rule) bool {
	return r.Policy == s.Policy && slices.Equal(r.Regions, s.Regions) && slices.Equal(r.Counters, s.Counters) && r.Timestamp == s.Timestamp
}

// String says what the rule asks for, without its tables.
func (r Rule) String() string {
	s := "policy " + r.Policy
	if len(r.Regions) > 0 {
		s += " of regions " + strings.Join(r.Regions, ", ")
	}
	if len(r.Counters) > 0 {
		s += " with counters " + strings.Join(r.Counters, ", ")
	}
	if r.Timestamp != "" {
		s += " by timestamp " + r.Timestamp
	}
	return s
}

func (c *checker) rules(f *file) Rules {
	var rules Rules
	for i, r := range f.Rules {
		key := fmt.Sprintf("rule[%d]", i+1)
		globs, err := parseGlobs(r.Tables)
		if err == nil && len(globs) == 0 {
			err = errors.New("no tables: name some as schema.table")
		}
		if err != nil {
			c.addf("%s: %v", key, err)
		}
		rule := Rule{Tables: r.Tables, Policy: r.Policy, Regions: r.Regions, Counters: r.Counters, Timestamp: r.Timestamp, globs: globs}
		c.rule(key, f, rule)
		rules = append(rules, rule)
	}
	if len(rules.Text()) > maxRules {
		c.addf("the rules take more than %d bytes: use globs that match more tables", maxRules)
	}
	return rules
}

// maxRules bounds what other relays are told of the rules when a connection is made.
const maxRules = 16 << 10

func (c *checker) rule(key string, f *file, r Rule) {
	switch {
	case r.Policy == "counter":
		c.addf(`%s: there is no policy "counter": name the columns, counters = ["…"], under policy "lww" or "merge"`, key)
	case !slices.Contains(policies, r.Policy):
		c.addf("%s: unknown policy %q: the policies are %s", key, r.Policy, strings.Join(policies, ", "))
	case r.Policy == PolicyPriority && len(r.Regions) == 0:
		c.addf("%s: policy priority needs regions = […], the most important first", key)
	case r.Policy != PolicyPriority && len(r.Regions) > 0:
		c.addf("%s: regions are for policy priority, not %s", key, r.Policy)
	case r.Policy != PolicyLWW && r.Policy != PolicyMerge && len(r.Counters) > 0:
		c.addf("%s: counters are for the policies lww and merge, not %s", key, r.Policy)
	case r.Policy != PolicyLWW && r.Timestamp != "":
		c.addf("%s: timestamp is for policy lww, not %s", key, r.Policy)
	case len(r.Counters) > 0 && r.Timestamp != "":
		c.addf("%s: counters and timestamp exclude each other", key)
	}
	for i, region := range r.Regions {
		if !f.knows(region) {
			c.addf("%s: %q is neither this region nor a peer", key, region)
		}
		if slices.Contains(r.Regions[:i], region) {
			c.addf("%s: region %q is there twice", key, region)
		}
	}
}

// knows tells whether the file names a region.
func (f *file) knows(region string) bool {
	if region == f.Region.Name {
		return true
	}
	for _, p := range f.Peers {
		if p.Region == region {
			return true
		}
	}
	return false
}
