package primary

import (
	"sync"

	"github.com/octant-db/octant/relay"
)

// The kinds of relay.ReplicaStatus.
const (
	kindReplica = "replica"
	kindRelay   = "relay"
)

// progress is what a session shows of its dump. It is shared.
type progress struct {
	mu      sync.Mutex
	active  bool
	byGTID  bool
	replica string // UUID of a MySQL replica
	first   spot   // where the dump began
	idle    bool   // everything was sent
	status  relay.ReplicaStatus
}

// spot is where an event begins or ends in the database's files.
type spot struct {
	file   string
	offset uint64
}

func (p *progress) start(status relay.ReplicaStatus, uuid string, byGTID bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active, p.status, p.replica, p.byGTID, p.first, p.idle = true, status, uuid, byGTID, spot{}, false
}

func (p *progress) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active = false
}

func (p *progress) update(change func(*relay.ReplicaStatus)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.status)
}

func (p *progress) get() (relay.ReplicaStatus, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status, p.active
}

func (p *progress) uuid() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.replica
}

// began notes the first place that was asked for.
func (p *progress) began(at spot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.first = at
}

// sentFrom returns where the dump began and where it is.
func (p *progress) sentFrom() (first, last spot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.first, spot{p.status.File, p.status.Position}
}

// acknowledged notes what a semi-synchronous replica says that it has.
func (p *progress) acknowledged(at spot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.AckFile, p.status.AckPosition = at.file, at.offset
}

// waits notes whether everything was sent.
func (p *progress) waits(idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = idle
}

// describe adds what is known of a dump that runs.
func (p *progress) describe(c *Connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.active {
		return
	}
	c.Command, c.State, c.Info = "Binlog Dump", "Sending binlog event to replica", ""
	if p.byGTID {
		c.Command = "Binlog Dump GTID"
	}
	if p.idle {
		c.State = "Has sent all binlog to replica; waiting for more updates"
	}
	if p.status.Kind == kindRelay {
		c.Command, c.State = "Relay Feed", "Sending transactions to relay"
	}
	c.Sent, c.File, c.Position, c.LSN = p.status.Sent, p.status.File, p.status.Position, p.status.LSN
	c.AckFile, c.AckPosition, c.Since = p.status.AckFile, p.status.AckPosition, p.status.Since
}
