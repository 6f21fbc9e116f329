package binlog

import (
	"encoding/binary"
	"fmt"
)

// Settings are those of the session that a statement ran in, as far as they decide what its text means.
type Settings struct {
	SQLMode                    uint64
	Client, Connection, Server uint16 // numbers of collations: of the text, of its literals, of the server
}

// The status variables of a QUERY event that come before and among those that are wanted; see Query_log_event in sql/log_event.h of both servers.
const (
	statusFlags         = 0
	statusSQLMode       = 1
	statusCatalog       = 2
	statusAutoIncrement = 3
	statusCharset       = 4
	statusCatalogNoZero = 6
)

// ParseSettings reads a Query's Status. Variables after those that are wanted are not looked at.
func ParseSettings(status []byte) (Settings, error) {
	var s Settings
	for len(status) > 0 {
		code, rest := status[0], status[1:]
		size := 0
		switch code {
		case statusFlags, statusAutoIncrement:
			size = 4
		case statusSQLMode:
			size = 8
		case statusCharset:
			size = 6
		case statusCatalog, statusCatalogNoZero:
			if len(rest) == 0 {
				return s, fmt.Errorf("read settings of a statement: %w", ErrMalformed)
			}
			size = 1 + int(rest[0])
			if code == statusCatalog {
				size++
			}
		default:
			return s, nil
		}
		if len(rest) < size {
			return s, fmt.Errorf("read settings of a statement: %w", ErrMalformed)
		}
		switch code {
		case statusSQLMode:
			s.SQLMode = binary.LittleEndian.Uint64(rest)
		case statusCharset:
			s.Client, s.Connection, s.Server = binary.LittleEndian.Uint16(rest), binary.LittleEndian.Uint16(rest[2:]), binary.LittleEndian.Uint16(rest[4:])
		}
		status = rest[size:]
	}
	return s, nil
}
