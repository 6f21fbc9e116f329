// Package testenv runs whole Octant beds on one machine: real MariaDB and MySQL servers, relay processes, a network
// with faults, workloads that conflict on purpose, and oracles that read every region themselves.
//
// Tests, benchmarks and `octant demo` share it, so it does not import testing; package envtest adds what
// needs a testing.TB.
//
// A bed is built from small parts that also work alone:
//
//	Server   one MariaDB or MySQL with a data directory of its own; start, stop, kill -9, restart on the same port
//	Relay    one `octant run` process; the same verbs, and its readiness
//	Network  one TCP proxy for every directed pair of relays; cut, stall, delay, reset, heal
//	Bed      N regions of {Server, Relay} joined by a Network
//	Chaos    seeded random faults on a Bed, all mended at the end
//	Storm, Counter, Steady, Probe   workloads over any set of Sites
//	Oracle   compares every column of every table of every Site; BinlogQuiet shows that nothing echoes
//
// What it promises: child processes end with the process that started them, whatever ends that; ports do
// not collide between parallel test binaries; a server killed with SIGKILL comes back with everything it
// had committed.
//
// It runs on Unix. Only on Linux do children die with a parent that was killed.
package testenv
