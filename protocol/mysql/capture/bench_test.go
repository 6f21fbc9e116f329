package capture_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
)

var errEnough = errors.New("everything was read")

// discard counts, and ends the capture at a position.
type discard struct {
	until   string
	bytes   int64
	entries int
}

func (d *discard) Append(b []byte) error { d.bytes += int64(len(b)); return nil }
func (d *discard) CaughtUp() error       { return nil }
func (d *discard) Report(relay.Problem)  {}

func (d *discard) Commit(c relay.Captured) error {
	d.entries++
	_, place, _ := strings.Cut(string(c.Position), ";")
	if strings.HasPrefix(place, d.until) {
		return errEnough
	}
	return nil
}

// backlog fills one binlog file with about 110 MB: 50,000 transactions of four rows, as sysbench's oltp_write_only.
func backlog(b *testing.B) *testenv.Server {
	s := startServer(b, "--max-binlog-size=1G", "--innodb-buffer-pool-size=128M")
	run(b, s, "CREATE TABLE app.s (id INT PRIMARY KEY AUTO_INCREMENT, k INT, c CHAR(120), pad CHAR(60)) CHARSET=latin1",
		`CREATE PROCEDURE app.fill(n INT) BEGIN
  DECLARE i INT DEFAULT 0;
  WHILE i < n DO
    START TRANSACTION;
    INSERT INTO app.s VALUES (i*4+1, i, REPEAT('c', 119), REPEAT('p', 59));
    INSERT INTO app.s VALUES (i*4+2, i, REPEAT('d', 119), REPEAT('q', 59));
    UPDATE app.s SET k = k+1 WHERE id = i*4+1;
    UPDATE app.s SET c = REPEAT('e', 119) WHERE id = i*4+2;
    COMMIT;
    SET i = i + 1;
  END WHILE; END`,
		"FLUSH BINARY LOGS", "CALL app.fill(50000)")
	return s
}

// BenchmarkBacklog compares reading a backlog, without storing it, with MariaDB's own reader, which writes it to a file.
func BenchmarkBacklog(b *testing.B) {
	s := backlog(b)
	end, err := binlog.ParsePosition(";" + status(b, s))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("capture", func(b *testing.B) {
		b.SetBytes(int64(end.Offset))
		b.ReportAllocs()
		for b.Loop() {
			d := &discard{until: end.String()[1:] + ";"}
			if err := capture.New(configFor(s)).Capture(b.Context(), "", d); !errors.Is(err, errEnough) {
				b.Fatal(err)
			}
		}
	})
	b.Run("mariadb-binlog", func(b *testing.B) {
		program, err := exec.LookPath("mariadb-binlog")
		if err != nil {
			b.Skip(err)
		}
		b.SetBytes(int64(end.Offset))
		for b.Loop() {
			readRaw(b.Context(), b, program, s, end.File)
		}
	})
}

func readRaw(ctx context.Context, b *testing.B, program string, s *testenv.Server, file string) {
	b.Helper()
	out, err := exec.CommandContext(ctx, program, "--no-defaults", "--read-from-remote-server", "--raw", "--socket="+s.Socket(), "--user=root",
		"--result-file="+b.TempDir()+"/", file).CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}
