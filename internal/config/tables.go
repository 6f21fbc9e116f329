package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/ddl"
)

// Tables says which tables are replicated.
type Tables struct {
	Include, Exclude []string // globs as written; no Include means every table

	// SkipShadows leaves out the tables that tools for online schema changes of MySQL and MariaDB make, unless Include has their full names.
	SkipShadows bool

	include, exclude []glob
	verdicts         *verdicts
}

// systemSchemas belong to a server or to the relay, never to the cluster.
var systemSchemas = []string{"mysql", "information_schema", "performance_schema", "sys", "octant", "octant_definitions"}

// NewTables reads globs of the form schema.table, in which * stands for any run of characters within a name.
func NewTables(include, exclude []string) (Tables, error) {
	in, err := parseGlobs(include)
	if err != nil {
		return Tables{}, fmt.Errorf("include: %w", err)
	}
	out, err := parseGlobs(exclude)
	if err != nil {
		return Tables{}, fmt.Errorf("exclude: %w", err)
	}
	return Tables{Include: include, Exclude: exclude, include: in, exclude: out, verdicts: &verdicts{}}, nil
}

// Match tells whether a table is replicated. Names compare exactly; system schemas, in any case, never match.
func (t Tables) Match(schema, table string) bool {
	if t.verdicts == nil {
		return t.judge(schema, table)
	}
	return t.verdicts.of(schema, table, t.judge)
}

func (t Tables) judge(schema, table string) bool {
	if slices.Contains(systemSchemas, strings.ToLower(schema)) {
		return false
	}
	if len(t.include) > 0 && !matchesAny(t.include, schema, table) {
		return false
	}
	if t.SkipShadows && ddl.Shadow(table) && !slices.Contains(t.Include, schema+"."+table) {
		return false
	}
	return !matchesAny(t.exclude, schema, table)
}

// glob is a pattern for a schema and one for a table.
type glob struct{ schema, table string }

func parseGlobs(patterns []string) ([]glob, error) {
	var globs []glob
	for _, p := range patterns {
		schema, table, found := strings.Cut(p, ".")
		if !found || schema == "" || table == "" || strings.ContainsAny(p, " \t\r\n`") {
			return nil, fmt.Errorf("%q is not of the form schema.table (for all tables of a schema: schema.*)", p)
		}
		globs = append(globs, glob{schema, table})
	}
	return globs, nil
}

func matchesAny(globs []glob, schema, table string) bool {
	return slices.ContainsFunc(globs, func(g glob) bool {
		return matchName(g.schema, schema) && matchName(g.table, table)
	})
}

// matchName matches a whole name. It needs no backtracking: taking every piece between two stars at its first place
// leaves the most room for the rest.
func matchName(pattern, name string) bool {
	pieces := strings.Split(pattern, "*")
	if len(pieces) == 1 {
		return pattern == name
	}
	first, last := pieces[0], pieces[len(pieces)-1]
	if len(name) < len(first)+len(last) || !strings.HasPrefix(name, first) || !strings.HasSuffix(name, last) {
		return false
	}
	name = name[len(first) : len(name)-len(last)]
	for _, piece := range pieces[1 : len(pieces)-1] {
		at := strings.Index(name, piece)
		if at < 0 {
			return false
		}
		name = name[at+len(piece):]
	}
	return true
}
