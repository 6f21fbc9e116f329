// Package watch shows in a terminal what a relay does. It asks the relay's HTTP port for a [Snapshot] and draws it, once or again
// and again; rates come from two snapshots.
package watch
