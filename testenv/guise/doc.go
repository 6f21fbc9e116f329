// Package guise shows a MySQL 9.7 as an older one to whoever connects through it: MySQL 8.0 or 8.4, which this project has no server of.
//
// A Guise is a TCP proxy on the level of packets. It says the older version in the greeting, in VERSION() and in the format description of a dump, hides what the
// older one does not have from SHOW VARIABLES, and shows the older names of privileges. Of each statement it asks its edition, a list of what MySQL has learned and
// unlearned since, by its release notes. What the older server would not know is replaced by something of the kind that no server knows, so that
// the refusal is the real server's: a syntax error, or an unknown system variable. A system variable has to be on the list to be known at all.
//
// It can also demand mysql_native_password, which 9.x has no more.
//
// What it cannot show is what an older server does otherwise with a statement that it knows: its optimizer, its locks, its bugs. The sizes in the format
// description stay those of 9.7 as well.
package guise
