// Package pgtest starts PostgreSQL servers of their own for tests.
//
// PostgreSQL refuses to run as root. Where the tests do, servers run in a user namespace in which root has another number; it needs no
// privilege and no other account.
package pgtest
