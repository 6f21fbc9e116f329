//go:build bench

package bench_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"golang.org/x/sync/errgroup"
)

// dumper is a reader that does nothing but read, so that what is measured is who serves.
type dumper struct {
	conn *client.Conn
	in   *bufio.Reader
}

func dialDump(ctx context.Context, addr, user, password string) (*dumper, error) {
	conn, err := client.ConnectWithDialer(ctx, "tcp", addr, user, password, "", (&net.Dialer{}).DialContext)
	if err != nil {
		return nil, err
	}
	for _, q := range []string{"SET @master_binlog_checksum= @@global.binlog_checksum", "SET @mariadb_slave_capability=4"} {
		if _, err := conn.Execute(q); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", q, err), conn.Close())
		}
	}
	return &dumper{conn: conn, in: bufio.NewReaderSize(conn.Conn.Conn, 1<<20)}, nil
}

func (d *dumper) close() { _ = d.conn.Conn.Conn.Close() }

// nonBlocking asks for an EOF packet where a replica would wait for more.
const nonBlocking = 1

// start asks for a file from an offset on.
func (d *dumper) start(file string, offset uint32) error {
	b := []byte{0, 0, 0, 0, mysql.COM_BINLOG_DUMP}
	b = binary.LittleEndian.AppendUint32(b, offset)
	b = binary.LittleEndian.AppendUint16(b, nonBlocking)
	b = binary.LittleEndian.AppendUint32(b, 0)
	d.conn.ResetSequence()
	return d.conn.WritePacket(append(b, file...))
}

// packet reads past one packet and returns its size and first byte.
func (d *dumper) packet() (size int, kind byte, err error) {
	header, err := d.in.Peek(5)
	if err != nil {
		return 0, 0, err
	}
	kind = header[4]
	size = 4 + (int(header[0]) | int(header[1])<<8 | int(header[2])<<16)
	_, err = d.in.Discard(size)
	if err == nil && kind == mysql.ERR_HEADER {
		err = errors.New("the dump was refused")
	}
	return size, kind, err
}

// drain reads to the end and returns how many bytes came.
func (d *dumper) drain() (total int64, err error) {
	for {
		size, kind, err := d.packet()
		if err != nil {
			return total, err
		}
		if kind == mysql.EOF_HEADER && size < 4+9 {
			return total, nil
		}
		total += int64(size)
	}
}

// drainAll has several readers read the same file at the same time, and returns MiB per second of all of them together.
func drainAll(ctx context.Context, readers int, addr, user, file string) (rate float64, err error) {
	var total atomic.Int64
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
			n, err := d.drain()
			total.Add(n)
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		})
	}
	err = g.Wait()
	return float64(total.Load()) / (1 << 20) / time.Since(began).Seconds(), err
}
