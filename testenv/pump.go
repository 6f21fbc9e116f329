package testenv

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// A pump holds at most maxDelayed chunks of chunkSize bytes back: 4 MiB, the bandwidth-delay product of a
// link with 40 MB/s and 100 ms.
const (
	chunkSize  = 32 << 10
	maxDelayed = 128
)

// pair is a connection through a link: the dialing relay's and ours to the relay that it wants.
type pair struct {
	client, server net.Conn
	ctx            context.Context // ends with reset and with the link
	cancel         context.CancelFunc
}

func (p *pair) reset() {
	p.cancel()
	reset(p.client)
	reset(p.server)
}

// reset closes with a TCP reset instead of an orderly end: see SO_LINGER in socket(7).
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

type chunk struct {
	bytes []byte
	due   time.Time
}

// pump carries bytes one way until either end closes or the link is cut. Reading and writing are two
// goroutines so that latency delays bytes without thinning them; pump waits for both.
func (l *Link) pump(p *pair, from, to net.Conn) {
	chunks := make(chan chunk, maxDelayed)
	stop := make(chan struct{}) // closed when nobody takes chunks any more
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer close(stop)
		l.deliver(p.ctx, to, chunks)
	}()
	clean := l.collect(from, chunks, stop)
	close(chunks)
	<-written
	if !clean {
		p.reset()
		return
	}
	if tcp, ok := to.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}

// collect reads until the end, and says whether that was an orderly one.
func (l *Link) collect(from net.Conn, chunks chan<- chunk, stop <-chan struct{}) bool {
	for {
		buf := make([]byte, chunkSize)
		n, err := from.Read(buf)
		if n > 0 {
			select {
			case chunks <- chunk{buf[:n], time.Now().Add(l.delay())}:
			case <-stop:
				return false
			}
		}
		if err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// deliver writes each chunk when it is due. It returns when there are no more, or when it cannot go on; then
// it has closed to, so that the other side notices.
func (l *Link) deliver(ctx context.Context, to net.Conn, chunks <-chan chunk) {
	for c := range chunks {
		if pause(ctx, time.Until(c.due)) != nil || !l.waitPassable(ctx) {
			reset(to)
			return
		}
		l.count(len(c.bytes)) // first, so that whoever has received a byte finds it counted
		if _, err := to.Write(c.bytes); err != nil {
			reset(to)
			return
		}
	}
}
