package history

import "github.com/octant-db/octant/protocol/mysql/binlog"

// Describe shows one event.
func Describe(event []byte) (name, info string) {
	h, err := binlog.ParseHeader(event)
	if err != nil {
		return "", ""
	}
	return describe(h, event)
}
