// Package simulated plays scenarios in the simulation of package conflict: databases, relays and links in one goroutine, where a seed decides what
// comes first.
package simulated
