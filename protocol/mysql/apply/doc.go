// Package apply writes other regions' transactions into a MariaDB or MySQL server: it is the relay.Target of the MySQL family. What the two
// differ in is a dialect: mariadb.go and mysql.go.
//
// A transaction has one mark, a row of octant.applied, and is the first row event of what the server logs. Rows follow in
// one of three ways:
//
//	fast  rows stand as expected: their images go back as row events in BINLOG statements. Every type stays exact, no
//	      trigger fires, and MariaDB asks for no table privilege. Error 1062 or 1032 says that a row was not as expected.
//	slow  nothing is known about a row: it is looked up and locked, then written as a row event of its own.
//	sql   on MariaDB, when the user lacks BINLOG REPLAY: rows are deleted by primary key and inserted again with exact literals.
//	      Triggers fire here.
//
// BEGIN, the mark and the first rows travel in one round trip; COMMIT is a second one, so that a caller can look
// around in between, with the row locks held.
//
// Row values never appear in errors.
package apply
