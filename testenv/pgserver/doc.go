// Package pgserver runs PostgreSQL servers of their own, for tests and for the demo. Package pgtest adds what needs a testing.TB.
//
// PostgreSQL refuses to run as root. Where we do, servers run in a user namespace in which root has another number; it needs no
// privilege and no other account.
package pgserver
