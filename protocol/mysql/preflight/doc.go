// Package preflight looks at a MariaDB or MySQL server before a relay trusts it, and says what to change.
//
// Each condition that replication between writable regions leans on is a [Result] of its own, with the statement or
// setting that mends it. A condition that would lose or split data is Fail; one that will surprise somebody later is Warn;
// Info is worth knowing and needs nothing. The package only reads.
package preflight
