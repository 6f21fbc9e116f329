// Package compare reads PostgreSQL's tables for comparing them with other regions': relay.TableReader.
//
// A row's digest is MD5 of the row as text, as the types' output functions write it in a session whose settings are pinned: ROW(…)::text tells
// NULL from the empty string and one column from the next, and shows every digit of numbers, the scale of a numeric too. A span's digest is the exclusive
// or of its rows'. Generated columns are left out: they are not in the log.
// Where regions of other engines are compared with, a row is the texts of a relay.ValueForm: the database makes them too if it can, and package values if not.
//
// Keys are ordered as each server's collations do. Where two servers differ in that, rows lie in different chunks of a table, and are looked
// at one by one.
package compare
