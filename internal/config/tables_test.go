package config_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/internal/config"
)

func TestMatch(t *testing.T) {
	cases := []struct {
		include, exclude string
		schema, table    string
		want             bool
	}{
		{"", "", "app", "orders", true},
		{"app.*", "", "app", "orders", true},
		{"app.*", "", "apple", "orders", false},
		{"app.*", "", "App", "orders", false},
		{"app.orders", "", "app", "orders_old", false},
		{"*.orders", "", "app", "orders", true},
		{"*.*", "", "mysql", "user", false},
		{"octant.*", "", "octant", "applied", false},
		{"*.*", "", "Performance_Schema", "x", false},
		{"app.*", "app.audit_*", "app", "audit_log", false},
		{"app.*", "app.audit_*", "app", "audit", true},
		{"app.a*b*c", "", "app", "a1b2c", true},
		{"app.a*b*c", "", "app", "abc", true},
		{"app.a*b*c", "", "app", "acb", false},
		{"app.ab*ba", "", "app", "aba", false},
		{"app.or.ders", "", "app", "or.ders", true},
	}
	for _, c := range cases {
		tables, err := config.NewTables(list(c.include), list(c.exclude))
		if err != nil {
			t.Fatal(err)
		}
		if got := tables.Match(c.schema, c.table); got != c.want {
			t.Errorf("include %q exclude %q: %s.%s is %v", c.include, c.exclude, c.schema, c.table, got)
		}
	}
}

// The tables that online schema changes make are no tables of the application, unless the configuration says so.
func TestShadows(t *testing.T) {
	tables, err := config.NewTables([]string{"app.*", "app._kept_old"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tables.SkipShadows = true
	for table, want := range map[string]bool{"orders": true, "_orders_gho": false, "_orders_del": false, "_orders_new": false, "_kept_old": true, "orders_old": true} {
		if tables.Match("app", table) != want {
			t.Errorf("%s: %v", table, !want)
		}
	}
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// TestMatchAgainstRegexp compares the matcher with one that is plainly right.
func TestMatchAgainstRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*]{1,6}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab]{1,8}`).Draw(t, "name")
		tables, err := config.NewTables([]string{"s." + pattern}, nil)
		if err != nil {
			t.Fatal(err)
		}
		plain := regexp.MustCompile("^" + strings.ReplaceAll(pattern, "*", ".*") + "$")
		if got, want := tables.Match("s", name), plain.MatchString(name); got != want {
			t.Fatalf("%q on %q: got %v, want %v", pattern, name, got, want)
		}
	})
}

// TestExcludeOnlyRemoves: no exclusion ever adds a table.
func TestExcludeOnlyRemoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		globs := rapid.SliceOfN(rapid.StringMatching(`[ab*]{1,3}\.[ab*]{1,3}`), 0, 3)
		include, exclude := globs.Draw(t, "include"), globs.Draw(t, "exclude")
		schema, table := rapid.StringMatching(`[ab]{1,4}`).Draw(t, "schema"), rapid.StringMatching(`[ab]{1,4}`).Draw(t, "table")
		all, err := config.NewTables(include, nil)
		if err != nil {
			t.Fatal(err)
		}
		some, err := config.NewTables(include, exclude)
		if err != nil {
			t.Fatal(err)
		}
		if some.Match(schema, table) && !all.Match(schema, table) {
			t.Fatal("excluding added a table")
		}
	})
}
