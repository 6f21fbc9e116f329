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
	mu     sync.Mutex
	active bool
	status relay.ReplicaStatus
}

func (p *progress) start(status relay.ReplicaStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active, p.status = true, status
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
