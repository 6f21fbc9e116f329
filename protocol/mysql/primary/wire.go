package primary

import (
	"errors"
	"net"
	"sync/atomic"
)

const (
	loginBudget   = 64 << 10 // bytes that a client may send before it is logged in
	commandBudget = 4 << 20  // bytes of one command
	commandFree   = 64 << 10 // bytes of one command that are not counted as memory
)

var (
	errTooMuch  = errors.New("the client sends more than a command may hold")
	errNoMemory = errors.New("all clients together send more than the relay's memory limit allows")
)

// wire is a client's connection that gives up when more comes than was allowed: the library puts packets of any length
// together in memory.
type wire struct {
	net.Conn
	memory *memory
	budget atomic.Int64
	read   int64 // of the command
	taken  int64 // of memory
}

// allow begins a command of at most so many bytes. It must not be called beside Read.
func (w *wire) allow(bytes int64) {
	w.budget.Store(bytes)
	w.release()
}

// release gives back the memory of the last command.
func (w *wire) release() {
	if w.taken > 0 {
		w.memory.give(w.taken)
	}
	w.read, w.taken = 0, 0
}

// Read implements io.Reader.
func (w *wire) Read(p []byte) (int, error) {
	left := w.budget.Load()
	if left <= 0 {
		return 0, errTooMuch
	}
	n, err := w.Conn.Read(p[:min(int64(len(p)), left)])
	w.budget.Add(-int64(n))
	w.read += int64(n)
	if more := w.read - commandFree - w.taken; more > 0 {
		if !w.memory.take(more) {
			return n, errNoMemory
		}
		w.taken += more
	}
	return n, err
}
