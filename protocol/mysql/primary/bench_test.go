package primary_test

import (
	"bufio"
	"errors"
	"io"
	"testing"

	"github.com/octant-db/octant/testenv"
)

// BenchmarkDump reads a backlog of about 100 MB with one raw reader, from the real server and from the relay. Compare their
// MB/s within one run.
func BenchmarkDump(b *testing.B) {
	bed := startBed(b)
	backlog(b, bed.source)
	bed.waitCaptured(b)
	b.Run("server", func(b *testing.B) { benchmarkDump(b, bed.source.Addr(), "root", "") })
	b.Run("relay", func(b *testing.B) { benchmarkDump(b, bed.addr, "repl", password) })
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

func benchmarkDump(b *testing.B, addr, user, password string) {
	for b.Loop() {
		r, err := dialRaw(addr, user, password)
		if err != nil {
			b.Fatal(err)
		}
		if err := (request{file: "mariadb-bin.000001", offset: 4, flags: 3}).send(r); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(drain(b, r.in))
		r.close()
	}
}

// drain reads packets until an EOF packet and returns their size.
func drain(b *testing.B, in *bufio.Reader) (total int64) {
	for {
		header, err := in.Peek(5)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			b.Fatal(err)
		}
		n := 4 + (int64(header[0]) | int64(header[1])<<8 | int64(header[2])<<16)
		if header[4] == 0xfe && n < 4+9 {
			return total
		}
		if header[4] == 0xff {
			b.Fatal("the dump was refused")
		}
		if _, err := io.CopyN(io.Discard, in, n); err != nil {
			b.Fatal(err)
		}
		total += n
	}
}
