// Package apply writes other regions' transactions into a PostgreSQL database: it is the relay.Target of PostgreSQL.
//
// A lane is a session of its own. BEGIN, the mark in octant.applied and the first rows travel in one round trip as prepared statements
// in a pipeline, COMMIT in a second one, so that a caller can look around in between with the row locks held.
//
// Rows are written by their primary key, and the number of rows that a statement touched tells whether a row stood as expected:
//
//	absent   INSERT … ON CONFLICT (key) DO NOTHING
//	present  UPDATE or DELETE
//	unknown  INSERT … ON CONFLICT (key) DO UPDATE; where rows can stand in each other's way by a second unique key, DELETE of all of
//	         them and INSERT
//
// Sessions run with session_replication_role = replica where the user may set that: triggers and foreign keys do not fire. Where the user may
// use replication origins, every transaction carries one, with its origin's clock as the commit's timestamp; what identifies it to
// the relay is the mark alone.
//
// Values go back as the texts that they came as, into parameters whose types the server takes from the columns. They never appear in errors.
package apply
