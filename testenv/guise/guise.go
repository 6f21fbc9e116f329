package guise

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
)

// Guise is a server as another one. Close ends its connections and waits for them.
type Guise struct {
	edition  Edition
	target   string
	listener net.Listener
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu      sync.Mutex
	unknown []string // statements that the edition did not know
	native  string   // the password that is asked for in the old way; "": in the server's
}

// New listens on a port of the loopback interface for what is meant for the MySQL at target.
func New(e Edition, target string) (*Guise, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen as %s: %w", e, err)
	}
	g := &Guise{edition: e, target: target, listener: listener}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.wg.Go(g.serve)
	return g, nil
}

// Addr is where the server is found in its guise.
func (g *Guise) Addr() string { return g.listener.Addr().String() }

// Close ends it.
func (g *Guise) Close() error {
	g.cancel()
	err := g.listener.Close()
	g.wg.Wait()
	return err
}

// DemandNative has all accounts be of mysql_native_password, which 8.0 has loaded and 9.x has no more, and have this password, at the server as well.
func (g *Guise) DemandNative(password string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.native = password
}

func (g *Guise) nativePassword() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.native
}

// Unknown are the statements so far that the edition did not know, each once.
func (g *Guise) Unknown() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.unknown)
}

func (g *Guise) refused(statement string) {
	statement = literals.ReplaceAllString(statement, "'…'")
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Contains(g.unknown, statement) {
		g.unknown = append(g.unknown, statement)
	}
}

func (g *Guise) serve() {
	for {
		client, err := g.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			g.wg.Go(func() { g.carry(client) })
		}
	}
}

// carry owns a connection from accept to end.
func (g *Guise) carry(client net.Conn) {
	defer client.Close()
	server, err := (&net.Dialer{}).DialContext(g.ctx, "tcp", g.target)
	if err != nil {
		return
	}
	defer server.Close()
	stop := context.AfterFunc(g.ctx, func() { client.Close(); server.Close() })
	defer stop()
	c := &conversation{guise: g, client: client, server: server, fromClient: bufio.NewReader(client), fromServer: bufio.NewReader(server)}
	if c.login() != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { c.answers(); client.Close(); server.Close() })
	both.Go(func() { c.commands(); client.Close(); server.Close() })
	both.Wait()
}
