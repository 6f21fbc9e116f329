package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// greeting is what a server says of itself before anybody logs in.
type greeting struct {
	Version string // as SELECT VERSION() has it
	TLS     bool   // it offers TLS
}

// greetingTimeout bounds the wait for a server's first packet.
const greetingTimeout = 10 * time.Second

// greet reads a server's first packet and goes away.
func greet(ctx context.Context, address string) (greeting, error) {
	ctx, cancel := context.WithTimeout(ctx, greetingTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return greeting{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	packet, err := firstPacket(conn)
	if err != nil {
		return greeting{}, fmt.Errorf("read the greeting of %s: %w", address, err)
	}
	return parseGreeting(packet)
}

const maxGreeting = 4096

var errNoServer = errors.New("what answers is no MariaDB or MySQL server")

func firstPacket(r io.Reader) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if size > maxGreeting {
		return nil, errNoServer
	}
	packet := make([]byte, size)
	_, err := io.ReadFull(r, packet)
	return packet, err
}

// The parts of a greeting; see "Connection Phase" in the servers' manuals: version of the protocol u8, version of the server with a 0 at its
// end, connection id u32, salt of 8 and a 0, capabilities u16. MariaDB 10 hides behind an old MySQL version.
const (
	protocolVersion = 10
	errorPacket     = 0xff
	beforeFlags     = 4 + 8 + 1
	clientSSL       = 0x800 // CLIENT_SSL
	hidden          = "5.5.5-"
)

func parseGreeting(packet []byte) (greeting, error) {
	if len(packet) > 3 && packet[0] == errorPacket {
		return greeting{}, fmt.Errorf("the server turns the relay away with error %d", binary.LittleEndian.Uint16(packet[1:]))
	}
	if len(packet) == 0 || packet[0] != protocolVersion {
		return greeting{}, errNoServer
	}
	version, rest, ok := bytes.Cut(packet[1:], []byte{0})
	if !ok || len(rest) < beforeFlags+2 {
		return greeting{}, errNoServer
	}
	return greeting{
		Version: strings.TrimPrefix(string(version), hidden),
		TLS:     binary.LittleEndian.Uint16(rest[beforeFlags:])&clientSSL != 0,
	}, nil
}

// greetingKey is where a server's greeting is remembered, so that a relay can start while its database is away.
func greetingKey(address string) []byte { return []byte("G" + address) }

// versionKey is where the version of the last database stands.
var versionKey = []byte("e")

// awaitGreeting greets a server until it answers. A relay that has been there before goes on with what it knows of it or, if that is
// another one, with the version of the last.
func awaitGreeting(ctx context.Context, address string, store *relaylog.DB, log *slog.Logger) (greeting, error) {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		g, err := greet(ctx, address)
		if err == nil {
			return g, remember(ctx, address, store, g)
		}
		if g, err := recall(address, store); err == nil {
			return g, nil
		}
		if version, err := store.Get(versionKey); err == nil {
			return greeting{Version: string(version)}, nil
		}
		log.Error("the database cannot be reached; trying again", "error", err)
		if err := relay.Sleep(ctx, relay.SystemClock{}, pause); err != nil {
			return greeting{}, err
		}
	}
}

func remember(ctx context.Context, address string, store *relaylog.DB, g greeting) error {
	value, err := json.Marshal(g)
	if err != nil {
		return err
	}
	return store.Write(ctx, []relay.Pair{{Key: greetingKey(address), Value: value}, {Key: versionKey, Value: []byte(g.Version)}})
}

func recall(address string, store *relaylog.DB) (g greeting, err error) {
	value, err := store.Get(greetingKey(address))
	if err == nil {
		err = json.Unmarshal(value, &g)
	}
	return g, err
}
