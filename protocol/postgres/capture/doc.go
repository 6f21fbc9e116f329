// Package capture reads a PostgreSQL database's write-ahead log by logical replication: it is the relay.Source of PostgreSQL.
//
// A publication names the tables, a replication slot keeps the log for us, and the server's plugin pgoutput decodes it. Transactions
// come whole, in the order of their commits. They are stored in the form of package logical.
//
// # What is checked before the log is read
//
// The server would start in silence where it must not, so the relay looks first:
//
//   - the system identifier is the one of the saved position, and the saved position lies on the history of the server's timeline;
//   - the publication exists and publishes every kind of change. PostgreSQL 18 leaves out what it does not find, with a warning;
//   - the slot exists and has not been invalidated, and its confirmed position <= saved position <= end of the log. A start before the
//     slot's position is moved forward by the server without a word, one beyond the end delivers nothing.
//
// # What is acknowledged
//
// Only positions that are durable in the relay log. Where the database writes much that is not replicated, frames carry
// the position forward, so that the server can drop its log.
//
// # Large values
//
// An update that leaves a large value (TOAST) as it was does not log it, unless the table's REPLICA IDENTITY is FULL. The relay then
// asks the database for the row. If it has been changed since, a later transaction of the log says so, and wins; if it is gone, the
// update is captured as the delete that follows anyhow.
package capture
