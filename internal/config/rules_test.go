package config_test

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/internal/config"
)

const manyRules = `
[[rule]]
tables = ["app.stock_*"]
policy = "merge"
counters = ["n"]
[[rule]]
tables = ["app.orders", "shop.*"]
policy = "priority"
regions = ["b", "a"]
[[rule]]
tables = ["app.*"]
policy = "lww"
timestamp = "changed"
`

func withRules(t *testing.T, rules string) config.Rules {
	t.Helper()
	c, err := load(t, strings.Replace(complete, "[[rule]]\ntables = [\"app.orders\"]\npolicy = \"lww\"\n", rules, 1))
	if err != nil {
		t.Fatal(err)
	}
	return c.Rules
}

// TestRules finds the first rule that matches, and reads back what other relays are told.
func TestRules(t *testing.T) {
	here := withRules(t, manyRules)
	there, err := config.ParseRules(here.Text())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"app.stock_a": "policy merge with counters n", "app.orders": "policy priority of regions b, a", "shop.x": "policy priority of regions b, a",
		"app.other": "policy lww by timestamp changed", "else.t": "policy lww",
	} {
		schema, table, _ := strings.Cut(name, ".")
		for _, rules := range []config.Rules{here, there} {
			if got := rules.Of(schema, table); got.String() != want {
				t.Errorf("%s has %s, want %s", name, got, want)
			}
		}
	}
}

// TestRulesThatMeanTheSame compares rules by what they mean for a table, however they are written.
func TestRulesThatMeanTheSame(t *testing.T) {
	here := withRules(t, manyRules)
	swapped := withRules(t, strings.Replace(manyRules, `["b", "a"]`, `["a", "b"]`, 1))
	none, err := config.ParseRules(withRules(t, "").Text())
	if err != nil {
		t.Fatal(err)
	}
	if !here.Of("app", "stock_a").Equal(swapped.Of("app", "stock_a")) || !here.Of("else", "t").Equal(none.Of("else", "t")) {
		t.Error("equal rules are not")
	}
	if here.Of("app", "orders").Equal(swapped.Of("app", "orders")) || here.Of("app", "x").Equal(none.Of("app", "x")) {
		t.Error("different rules are equal")
	}
}

// TestRulesOfALaterRelease cannot be read if they say something that is not known here.
func TestRulesOfALaterRelease(t *testing.T) {
	for _, text := range []string{"nonsense", `[{"tables":["app.*"],"policy":"lww","quorum":3}]`, `[{"tables":["app"],"policy":"lww"}]`} {
		if _, err := config.ParseRules(text); err == nil {
			t.Errorf("%s is read", text)
		}
	}
}

// TestPostgresHasTheSameRules as the other engines.
func TestPostgresHasTheSameRules(t *testing.T) {
	text := strings.Replace(complete, "mariadb://octant@127.0.0.1:3306/", "postgres://octant@127.0.0.1/app", 1)
	if _, err := load(t, strings.Replace(text, `policy = "lww"`, `policy = "reject"`, 1)); err != nil {
		t.Fatal(err)
	}
}

// TestReplicasOfPostgres are shown what is replicated, less what is excluded for them.
func TestReplicasOfPostgres(t *testing.T) {
	text := strings.Replace(complete, "mariadb://octant@127.0.0.1:3306/", "postgres://octant@127.0.0.1/app", 1)
	c, err := load(t, text+"\n[replicas]\nexclude = [\"app.docs\"]\n")
	if err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]bool{"orders": true, "docs": false, "audit_1": false} {
		if got := c.Replicas.Tables.Match("app", table); got != want {
			t.Errorf("table %s is shown: %v", table, got)
		}
	}
	if !c.Database.Tables.Match("app", "docs") {
		t.Error("what replicas are not shown is not replicated")
	}
	if _, err := load(t, text+"\n[replicas]\nexclude = [\"docs\"]\n"); err == nil || !strings.Contains(err.Error(), "replicas.exclude: ") {
		t.Errorf("says %v", err)
	}
}
