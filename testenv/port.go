package testenv

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// Ports are taken from below the range that Linux gives to outgoing connections (32768 and up, see ip(7)).
// A port stays free for its owner while the server behind it is dead, which an ephemeral one would not.
const (
	firstPort = 20000
	lastPort  = 31999
)

// Port is a TCP port of the loopback interface that belongs to its holder until Release, also while nothing
// listens on it. All users of this package on the machine with the same cache folder respect it.
type Port struct {
	Number int
	lock   *os.File
}

// ReservePort finds a port that nobody listens on and nobody has reserved.
func ReservePort() (*Port, error) {
	dir, err := cacheDir("ports")
	if err != nil {
		return nil, err
	}
	const span = lastPort - firstPort + 1
	start := rand.IntN(span)
	for i := range span {
		number := firstPort + (start+i)%span
		lock, err := tryLock(filepath.Join(dir, strconv.Itoa(number)))
		if err != nil {
			return nil, err
		}
		if lock == nil {
			continue
		}
		if portIsFree(number) {
			return &Port{Number: number, lock: lock}, nil
		}
		_ = lock.Close()
	}
	return nil, errors.New("reserve port: every port of the range is taken")
}

// Addr returns the host and port to dial.
func (p *Port) Addr() string { return loopback(p.Number) }

// Release gives the port back. It is safe on a nil Port.
func (p *Port) Release() error {
	if p == nil || p.lock == nil {
		return nil
	}
	lock := p.lock
	p.lock = nil
	if err := lock.Close(); err != nil {
		return fmt.Errorf("release port: %w", err)
	}
	return nil
}

func portIsFree(number int) bool {
	l, err := net.Listen("tcp", loopback(number))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
