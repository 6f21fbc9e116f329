// Package ddl reads as much of the definitions in a MariaDB or MySQL log as must be known to carry them to other regions: which tables a
// statement is about, whether it is one of those that can be run elsewhere without harm, and how one can see that it was run already.
//
// A definition commits by itself, so the mark of the applier's transaction cannot stand beside it. It is run first, with a comment that says
// whose it is (see Sign), and the mark is written after it. A crash in between is met by looking for the statement's effects before it is
// run again.
package ddl
