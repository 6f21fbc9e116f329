// Package demo shows on one machine what Octant does: it starts databases and relays, writes to all of them at the same
// time with conflicts on purpose, cuts a region off, kills a relay, and then reads every table of every region itself to
// see whether they are identical.
//
// The story is in story.go, in the order in which it happens; the load in load.go; what is drawn in board.go and screen.go.
package demo
