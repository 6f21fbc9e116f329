package demo

import _ "embed"

// schema is a small shop.
//
//go:embed schema.sql
var schema string
