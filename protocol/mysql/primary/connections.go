package primary

import (
	"slices"
	"time"

	"github.com/octant-db/octant/relay"
)

// Connection is one client as SHOW PROCESSLIST shows it.
type Connection struct {
	ID       uint32
	User     string
	Host     string // address and port
	Database string // that was named at login
	Command  string // "Sleep", "Query", "Binlog Dump", "Binlog Dump GTID"; "Connect" before the login is done
	State    string
	Since    time.Time // when Command began
	Info     string    // the statement, without the strings in it; "" for none

	Sent     uint64 // bytes of events
	File     string // of a dump: where it is
	Position uint64
	LSN      relay.LSN

	// What a semi-synchronous replica has acknowledged; "" and 0 of others.
	AckFile     string
	AckPosition uint64
}

// Connections returns all clients by rising ID.
func (s *Server) Connections() []Connection {
	s.mu.Lock()
	list := make([]Connection, 0, len(s.sessions))
	for c := range s.sessions {
		list = append(list, c.describe())
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b Connection) int { return int(int64(a.ID) - int64(b.ID)) })
	return list
}

// describe shows the session to others.
func (c *session) describe() Connection {
	d := Connection{Host: c.raw.RemoteAddr().String(), Command: "Connect", State: "login", User: "unauthenticated user"}
	c.activity.describe(&d)
	identity := c.identity.Load()
	if identity == nil {
		return d
	}
	d.ID, d.User, d.Command, d.State = identity.ConnectionID, identity.User, "Sleep", ""
	if d.Info != "" {
		d.Command, d.State = "Query", "executing"
	}
	c.progress.describe(&d)
	return d
}
