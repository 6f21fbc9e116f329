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

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// dumper is a reader that only reads, packet by packet.
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

// drain reads to the end and returns how many bytes came, the last packet's among them.
func (d *dumper) drain() (total int64, err error) {
	for {
		size, kind, err := d.packet()
		if err != nil {
			return total, err
		}
		total += int64(size)
		if kind == mysql.EOF_HEADER && size < 4+9 {
			return total, nil
		}
	}
}

// drainFile reads a file and those behind it to the end, looking at each packet, and returns how many bytes came.
func drainFile(ctx context.Context, addr, user, file string) (bytes int64, err error) {
	d, err := dialDump(ctx, addr, user, password)
	if err != nil {
		return 0, err
	}
	defer d.close()
	if err := d.start(file, 4); err != nil {
		return 0, err
	}
	bytes, err = d.drain()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return bytes, err
}
