// Package regions tests whole clusters of PostgreSQL regions: real servers, real relays, concurrent conflicting writes, kills.
package regions
