package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Condition is the state that a Link is in.
type Condition int

// The conditions of a link, from good to bad.
const (
	// Healthy links pass everything on, after the link's latency.
	Healthy Condition = iota
	// Stalled links take connections and bytes and pass nothing on, as a network does that drops packets:
	// neither end learns of it. Once healthy again they deliver what they hold.
	Stalled
	// Cut links have no connections and reset new ones.
	Cut
)

// Link is one direction of the network: a TCP proxy through which one relay dials another. Its address
// stays the same whatever happens to it, and to the relay behind it. Close waits for all its goroutines.
type Link struct {
	From, To string // region names; From dials To

	listener net.Listener
	target   string
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu        sync.Mutex
	condition Condition
	changed   chan struct{} // closed and replaced when condition changes
	latency   time.Duration
	pairs     map[*pair]struct{}
	passed    int64
	stallAt   int64 // of passed; 0: at no count
}

// NewLink listens on a port of the loopback interface and passes connections on to target.
func NewLink(from, to, target string) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for link: %w", err)
	}
	l := &Link{From: from, To: to, listener: listener, target: target,
		changed: make(chan struct{}), pairs: make(map[*pair]struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.wg.Add(1)
	go l.serve()
	return l, nil
}

// Addr is what From dials to reach To.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Set brings the link into a condition. Cut also ends the connections that there are.
func (l *Link) Set(c Condition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setLocked(c)
	if c == Cut {
		l.resetLocked()
	}
}

// StallAfter makes the link healthy until about so many bytes more have passed. It stalls then, by itself: in the middle of whatever passes.
func (l *Link) StallAfter(bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setLocked(Healthy)
	l.stallAt = l.passed + bytes
}

func (l *Link) setLocked(c Condition) {
	l.condition, l.stallAt = c, 0
	close(l.changed)
	l.changed = make(chan struct{})
}

// Condition returns the state that the link is in.
func (l *Link) Condition() Condition {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.condition
}

// SetLatency delays each byte by d, in each direction, from now on.
func (l *Link) SetLatency(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latency = d
}

// Reset ends every connection with a TCP reset and takes new ones.
func (l *Link) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resetLocked()
}

// Connections says how many connections go through the link now.
func (l *Link) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pairs)
}

// Passed returns the number of bytes that the link has passed on, both directions together.
func (l *Link) Passed() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.passed
}

// Close ends the link and waits for its goroutines.
func (l *Link) Close() error {
	l.cancel()
	err := l.listener.Close()
	l.Reset()
	l.wg.Wait()
	return err
}

func (l *Link) resetLocked() {
	for p := range l.pairs {
		p.reset()
	}
}

func (l *Link) serve() {
	defer l.wg.Done()
	for {
		client, err := l.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // such as too many open files: the next connection may fare better
			if pause(l.ctx, 10*time.Millisecond) != nil {
				return
			}
			continue
		}
		l.wg.Add(1)
		go l.carry(client)
	}
}

// carry owns one connection from accept to end.
func (l *Link) carry(client net.Conn) {
	defer l.wg.Done()
	if !l.passable() {
		reset(client)
		return
	}
	var dialer net.Dialer
	server, err := dialer.DialContext(l.ctx, "tcp", l.target)
	if err != nil {
		reset(client)
		return
	}
	p := &pair{client: client, server: server}
	p.ctx, p.cancel = context.WithCancel(l.ctx)
	defer p.cancel()
	if !l.add(p) {
		p.reset()
		return
	}
	defer l.remove(p)
	var pumps sync.WaitGroup
	pumps.Go(func() { l.pump(p, client, server) })
	pumps.Go(func() { l.pump(p, server, client) })
	pumps.Wait()
	_ = client.Close()
	_ = server.Close()
}

func (l *Link) passable() bool {
	return l.ctx.Err() == nil && l.Condition() != Cut
}

func (l *Link) add(p *pair) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil || l.condition == Cut {
		return false
	}
	l.pairs[p] = struct{}{}
	return true
}

func (l *Link) remove(p *pair) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pairs, p)
}

// waitPassable returns once the link is not stalled, or false when it was cut or ctx ended meanwhile.
func (l *Link) waitPassable(ctx context.Context) bool {
	for {
		l.mu.Lock()
		condition, changed := l.condition, l.changed
		l.mu.Unlock()
		if condition != Stalled {
			return condition == Healthy
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (l *Link) delay() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.latency
}

func (l *Link) count(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passed += int64(n)
	if l.stallAt > 0 && l.passed >= l.stallAt {
		l.setLocked(Stalled)
	}
}
