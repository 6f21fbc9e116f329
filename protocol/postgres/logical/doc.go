// Package logical knows the native bytes of a PostgreSQL transaction: what the relay log keeps, what travels between PostgreSQL
// regions, and how it is read.
//
// A transaction is a run of messages, each with its length in front:
//
//	 0        4
//	┌────────┬──────────────┐
//	│ length │ message      │   length: big endian, of the message alone
//	└────────┴──────────────┘
//
// Most messages are pgoutput's own, byte for byte as the server sent them in protocol version 1: Begin, Origin, Insert, Update,
// Delete, Truncate, Message, Commit. See "Logical Replication Message Formats" in PostgreSQL's manual. Four kinds are the relay's:
//
//	0x80 describe  relation oid, replica identity, Description. It stands before the first row of a relation, and again where
//	               the relation changed. It takes the place of pgoutput's Relation and Type messages, which come once per
//	               connection and name types by numbers that mean nothing elsewhere; so a transaction can be read alone.
//	0x81 fill      a whole row. It stands before an Update whose new row lacks large values that were not changed, and is the row
//	               to use.
//	0x82 gone      It stands before such an Update if the row was no longer there to take the values from: the update is read as a
//	               delete, which is what becomes of the row later in the log.
//	0x83 frame     no transaction: a place in the log that was reached.
//
// Of messages that somebody wrote with pg_logical_emit_message only those of the relay's event triggers (package ddl) and of the applier (Signature) are kept.
//
// An Image is a row in pgoutput's form, TupleData: the number of columns, and of each a kind (n: NULL, t: text, u: not there) and its
// text. All regions pin the settings that shape texts, so that equal rows have equal bytes.
//
// Nothing here panics on malformed bytes; errors never contain values.
package logical
