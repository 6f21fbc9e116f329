// Package compare reads MariaDB's and MySQL's tables for comparing them with other regions': relay.TableReader.
//
// A row's digest is MD5 (on MySQL half of SHA-256) over its columns in the table's order, and a span's the exclusive or of its rows', so that it does not depend on their
// order. Both are computed in the database, from exactly the bytes that it stores: the case and the accents of text count, and spaces and zero
// bytes at its end, every digit of numbers and every microsecond, and NULL is not the empty string. Into it goes, for each column,
//
//	numbers and times       their text in UTC; FLOAT as DOUBLE, which has all its digits; ENUM, SET and BIT as a number
//	text and binary         length:bytes, in the column's character set
//	TEXT, BLOB, JSON, …     their own digest, since CONCAT yields NULL beyond max_allowed_packet
//	NULL                    -
//
// with commas between. Where regions of other engines are compared with, it is the texts of a relay.ValueForm, which the database makes too if it can, and
// package values if not. The work is done on one connection, a statement at a time.
package compare
