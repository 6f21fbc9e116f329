//go:build bench

package bench_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// discarder receives without looking: the kernel drops what has come instead of copying it out. Readers are other machines in earnest; here they
// share the processors with who serves, and what they do with what they get is not what is measured.
//
// It cannot see where a dump ends, so it must be told how many bytes there are.
type discarder struct {
	conn syscall.RawConn
	room []byte
}

func newDiscarder(c net.Conn) (*discarder, error) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("discard what comes from a %T: only TCP can", c)
	}
	raw, err := tcp.SyscallConn()
	return &discarder{conn: raw, room: make([]byte, 1<<20)}, err
}

// drop drops that many bytes, as they come.
func (d *discarder) drop(bytes int64) error {
	for bytes > 0 {
		n, err := d.receive(min(bytes, int64(len(d.room))))
		if err != nil {
			return err
		}
		bytes -= int64(n)
	}
	return nil
}

// receive drops what is there, at most that much, and waits if nothing is.
func (d *discarder) receive(most int64) (n int, err error) {
	waited := d.conn.Read(func(fd uintptr) bool {
		// tcp(7): with MSG_TRUNC what is received is discarded, and the buffer is not written to.
		n, _, err = syscall.Recvfrom(int(fd), d.room[:most], syscall.MSG_TRUNC)
		return !errors.Is(err, syscall.EAGAIN)
	})
	if err := errors.Join(waited, err); err != nil {
		return 0, fmt.Errorf("receive and discard: %w", err)
	}
	if n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}

// discardAll has several readers receive the same file, of which each gets that many bytes, at the same time. It returns MiB per second of all of them together.
func discardAll(ctx context.Context, readers int, addr, user, file string, bytes int64) (rate float64, err error) {
	g, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for range readers {
		g.Go(func() error {
			d, err := dialDump(ctx, addr, user, password)
			if err != nil {
				return err
			}
			defer d.close()
			if err := d.start(file, 4); err != nil {
				return err
			}
			blind, err := newDiscarder(d.conn.Conn.Conn)
			if err != nil {
				return err
			}
			return blind.drop(bytes)
		})
	}
	err = g.Wait()
	return float64(readers) * float64(bytes) / (1 << 20) / time.Since(began).Seconds(), err
}
