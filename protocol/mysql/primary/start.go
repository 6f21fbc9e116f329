package primary

import "github.com/octant-db/octant/relay"

// start is where a dump begins and what it leaves out.
type start struct {
	lsn    relay.LSN
	skip   uint64 // bytes of the first entry that the client has already
	offset uint64 // of the first byte sent of it, or where the log ends now; 0: the file's beginning is sent
	file   string // "" until the log has an entry
}
