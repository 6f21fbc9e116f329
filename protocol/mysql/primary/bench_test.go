package primary_test

import (
	"bufio"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/octant-db/octant/testenv"
)

// BenchmarkDump reads a backlog of about 100 MB with one raw reader and with eight, from the real server and from the relay. Compare
// their MB/s within one run.
func BenchmarkDump(b *testing.B) {
	bed := startBed(b)
	backlog(b, bed.source)
	bed.waitCaptured(b)
	for _, readers := range []int{1, 8} {
		b.Run(fmt.Sprint("server-", readers), func(b *testing.B) { benchmarkDump(b, readers, bed.source.Addr(), "root", "") })
		b.Run(fmt.Sprint("relay-", readers), func(b *testing.B) { benchmarkDump(b, readers, bed.addr, "repl", password) })
	}
}

func backlog(b *testing.B, s *testenv.Server) {
	execute(b, s, "CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARBINARY(2000))")
	insert, err := s.DB().PrepareContext(b.Context(), "INSERT INTO app.t (v) VALUES (REPEAT(?, 1500)), (REPEAT(?, 300))")
	if err != nil {
		b.Fatal(err)
	}
	defer insert.Close()
	for i := range 30000 {
		if _, err := insert.ExecContext(b.Context(), string(rune('a'+i%26)), "z"); err != nil {
			b.Fatal(err)
		}
	}
	for range 3 {
		execute(b, s, "INSERT INTO app.t (v) SELECT v FROM app.t LIMIT 15000")
	}
}

func benchmarkDump(b *testing.B, readers int, addr, user, password string) {
	for b.Loop() {
		var total atomic.Int64
		var all sync.WaitGroup
		for range readers {
			all.Go(func() {
				r, err := dialRaw(addr, user, password)
				if err != nil {
					b.Error(err)
					return
				}
				defer r.close()
				if err := (request{file: "mariadb-bin.000001", offset: 4, flags: 3}).send(r); err != nil {
					b.Error(err)
					return
				}
				n, err := drain(r.in)
				if err != nil {
					b.Error(err)
				}
				total.Add(n)
			})
		}
		all.Wait()
		b.SetBytes(total.Load())
	}
}

// drain reads packets until an EOF packet and returns their size.
func drain(in *bufio.Reader) (total int64, err error) {
	for {
		header, err := in.Peek(5)
		if err != nil {
			return total, err
		}
		n := 4 + (int64(header[0]) | int64(header[1])<<8 | int64(header[2])<<16)
		if header[4] == 0xfe && n < 4+9 {
			return total, nil
		}
		if header[4] == 0xff {
			return total, errors.New("the dump was refused")
		}
		if _, err := in.Discard(int(n)); err != nil {
			return total, err
		}
		total += n
	}
}
