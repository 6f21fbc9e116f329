// Package simulation runs whole clusters of conflict engines in one goroutine, from a seed: databases with logs, relays with durable and
// volatile state, links. Every step of the real daemon is a step here, anything may happen between two steps, and a relay may die
// after each. Afterwards everything is drained and the tables are compared with each other and with an independent fold of
// all local transactions.
//
// What is simulated follows the daemon: a local transaction commits in the database; capture stamps it durably; the merger passes it to the
// engine; a peer receives it durably; a plan is made; its transaction commits beside local ones or fails; its mark is captured in turn. Lost, repeated
// and late deliveries, cut links, clocks that are an hour off, checkpoints that were half written, regions that fall silent: all of it happens.
package simulation
