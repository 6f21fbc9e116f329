// Package admin answers what a mysql client asks a relay: tables of database octant with real SQL, the SHOW statements that
// MariaDB and MySQL people know, and procedures that steer the relay.
//
// A statement goes one of two ways. What the client libraries ask at connect, SHOW statements about replication, and everything that
// steers is recognised from its tokens and answered here. Everything else that only reads goes to go-mysql-server's engine over the
// tables, which are made from the relay's snapshots while they are read. That engine is large and is made at the first statement
// that needs it; no other package knows it.
//
// Nothing can be written through SQL, no file can be read or written, and the time and the size of a statement, and of its result,
// are bounded. All times are UTC.
package admin
