package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/protocol/mysql/feed"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// offerKey is where it is remembered whether the database offers TLS, by its address, so that a relay can start while it is away.
func offerKey(address string) []byte { return []byte("T" + address) }

// databaseTLS is how the database is reached; nil: without TLS. With tls = preferred the server is asked, until it answers or has
// answered before.
func databaseTLS(ctx context.Context, d config.Database, store *relaylog.DB, log *slog.Logger) (*tls.Config, error) {
	secured, err := d.TLS.Config(d.Address)
	if err != nil || d.TLS.Mode != config.TLSPreferred {
		return secured, err
	}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		offered, err := offersTLS(ctx, d.Address)
		if err == nil {
			return choose(secured, offered), store.Write(ctx, []relay.Pair{{Key: offerKey(d.Address), Value: []byte{truth(offered)}}})
		}
		if known, getErr := store.Get(offerKey(d.Address)); getErr == nil && len(known) == 1 {
			return choose(secured, known[0] == 1), nil
		}
		log.Error("the database cannot be reached; trying again", "error", err)
		if err := relay.Sleep(ctx, relay.SystemClock{}, pause); err != nil {
			return nil, err
		}
	}
}

func truth(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func choose(secured *tls.Config, offered bool) *tls.Config {
	if offered {
		return secured
	}
	return nil
}

// doctorTLS is databaseTLS for who asks once. A server that cannot be reached is found by the checks.
func doctorTLS(ctx context.Context, d config.Database) (*tls.Config, error) {
	secured, err := d.TLS.Config(d.Address)
	if err != nil || d.TLS.Mode != config.TLSPreferred {
		return secured, err
	}
	offered, err := offersTLS(ctx, d.Address)
	return choose(secured, err == nil && offered), nil
}

// greetingTimeout bounds the wait for a server's first packet.
const greetingTimeout = 10 * time.Second

// offersTLS reads a server's greeting and goes away.
func offersTLS(ctx context.Context, address string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, greetingTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	head := make([]byte, 4)
	if _, err := io.ReadFull(conn, head); err != nil {
		return false, fmt.Errorf("read the greeting of %s: %w", address, err)
	}
	greeting := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	if len(greeting) > maxGreeting {
		return false, errors.New("what answers at " + address + " is no MariaDB or MySQL server")
	}
	if _, err := io.ReadFull(conn, greeting); err != nil {
		return false, fmt.Errorf("read the greeting of %s: %w", address, err)
	}
	return capabilities(greeting)&clientSSL != 0, nil
}

const (
	maxGreeting = 4096
	clientSSL   = 0x800 // CLIENT_SSL
)

// capabilities reads the lower half of the flags from a greeting: protocol version u8, server version with a 0 at its end, connection id
// u32, salt of 8, a 0, flags u16. An error packet has none.
func capabilities(greeting []byte) uint16 {
	if len(greeting) == 0 || greeting[0] != 10 {
		return 0
	}
	for i, b := range greeting {
		if at := i + 1 + 4 + 8 + 1; b == 0 && at+2 <= len(greeting) {
			return binary.LittleEndian.Uint16(greeting[at:])
		} else if b == 0 {
			break
		}
	}
	return 0
}

// peerDialer reaches the other regions' relays.
func peerDialer(cfg *config.Config) (*feed.Dialer, error) {
	secured, err := cfg.PeerTLS.Config("peer:0")
	if secured != nil {
		secured.ServerName = "" // the dialer fills in each peer's own
	}
	return &feed.Dialer{TLS: secured}, err
}
