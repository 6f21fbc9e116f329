package primary

import (
	"errors"
	"net"
	"sync/atomic"
)

const (
	loginBudget   = 64 << 10 // bytes that a client may send before it is logged in
	commandBudget = 4 << 20  // bytes of one command
)

var errTooMuch = errors.New("the client sends more than a command may hold")

// wire is a client's connection that gives up when more comes than was allowed: the library puts packets of any length
// together in memory.
type wire struct {
	net.Conn
	budget atomic.Int64
}

func (w *wire) allow(bytes int64) { w.budget.Store(bytes) }

// Read implements io.Reader.
func (w *wire) Read(p []byte) (int, error) {
	left := w.budget.Load()
	if left <= 0 {
		return 0, errTooMuch
	}
	n, err := w.Conn.Read(p[:min(int64(len(p)), left)])
	w.budget.Add(-int64(n))
	return n, err
}
