package primary

import (
	"sync"
	"sync/atomic"
)

const (
	// windowBytes is the size of a window. The log reads no more at once, unless an entry is larger.
	windowBytes = 512 << 10
	// spareWindows is how many are kept for being used again.
	spareWindows = 4
)

// window is memory that the log is read into. It is used again when its last user has let go of it. A user that never does so costs nothing more than
// that: then it is garbage like any other.
type window struct {
	bytes []byte
	users atomic.Int32
	home  *windows
}

func (w *window) release() {
	if w.users.Add(-1) == 0 {
		w.home.back(w)
	}
}

// windows are those that nobody uses.
type windows struct {
	mu    sync.Mutex
	spare []*window
}

// take returns a window for so many bytes, with one user. Less than half a window gets what it needs and no more: it may be kept for long.
func (ws *windows) take(size int) (w *window) {
	if size > windowBytes/2 && size <= windowBytes {
		w, size = ws.last(), windowBytes
	}
	if w == nil {
		w = &window{bytes: make([]byte, size), home: ws}
	}
	w.users.Store(1)
	return w
}

// last takes the window that was used last, whose bytes are most likely still in the processor's cache; nil if there is none.
func (ws *windows) last() *window {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	n := len(ws.spare)
	if n == 0 {
		return nil
	}
	w := ws.spare[n-1]
	ws.spare[n-1], ws.spare = nil, ws.spare[:n-1]
	return w
}

func (ws *windows) back(w *window) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if len(w.bytes) == windowBytes && len(ws.spare) < spareWindows {
		ws.spare = append(ws.spare, w)
	}
}
