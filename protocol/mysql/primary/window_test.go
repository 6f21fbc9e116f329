package primary_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/primary"
)

// Replicas that stand still in the middle of the log, or far behind each other, get every byte as it is in the log, whatever is read for others meanwhile: memory that
// the log was read into is used again, and not before it was sent.
func TestMemoryIsUsedAgainWhenItWasSent(t *testing.T) {
	s := startServer(t, func(c *primary.Config) { c.WriteTimeout, c.CacheBytes = 10*time.Minute, 2<<20 })
	log, at := s.log.Local(), uint64(4)
	const file = "mariadb-bin.000001"
	var want bytes.Buffer
	write := func(gtid string, events ...[]byte) {
		writeEntry(t, log, file, at, gtid, events...)
		for _, event := range events {
			want.Write(event)
			at += uint64(len(event))
		}
	}
	write("", formatEvent(t))
	r := rand.New(rand.NewPCG(1, 2))
	for i := 1; want.Len() < 32<<20; i++ { // the newest eight MiB are in the log's own cache
		var events [][]byte
		for range 1 + r.IntN(4) {
			body := make([]byte, r.IntN(20<<10))
			for i := range body {
				body[i] = byte(r.Uint32())
			}
			events = append(events, binlog.Ignorable(200, 1, body))
		}
		write(fmt.Sprint("0-1-", i), events...)
	}
	dump := func() *raw {
		c := mustDial(t, s.addr, "repl", password)
		if err := c.nc.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
			t.Fatal(err)
		}
		if err := (request{file: file, offset: 4, flags: 3}).send(c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	// The first ones stop where the buffers are full, a MiB after each other; then one reads everything; then they go on.
	readers := make([]*raw, 4)
	got := make([]bytes.Buffer, len(readers))
	for i := range readers {
		readers[i] = dump()
		read(t, readers[i], &got[i], i<<20)
	}
	for i := len(readers) - 1; i >= 0; i-- {
		read(t, readers[i], &got[i], want.Len())
		if !bytes.Equal(got[i].Bytes(), want.Bytes()) {
			t.Errorf("reader %d got %d bytes, which are not the %d in the log", i, got[i].Len(), want.Len())
		}
	}
}

// read takes events that stand in the log until there are so many bytes of them.
func read(t *testing.T, c *raw, to *bytes.Buffer, size int) {
	t.Helper()
	for to.Len() < size {
		event, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		h, err := binlog.ParseHeader(event)
		if err != nil {
			t.Fatal(err)
		}
		if !h.Artificial() {
			to.Write(event)
		}
	}
}
