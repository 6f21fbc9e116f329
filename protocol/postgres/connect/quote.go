package connect

import "strings"

// Identifier quotes a name.
func Identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Table quotes a table's name with its schema.
func Table(schema, name string) string { return Identifier(schema) + "." + Identifier(name) }

// Literal quotes a text, for places that take no parameters. standard_conforming_strings is pinned.
func Literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
