// Package preflight looks at a PostgreSQL server with the eyes of the relay's account and tells what must be mended before a relay can
// work with it, each with a remedy.
package preflight
