// Package connect opens sessions on a PostgreSQL server with every setting pinned that shapes the text of values, and gives the
// server's errors without values of rows.
package connect
