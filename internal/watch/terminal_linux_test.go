package watch_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/octant-db/octant/internal/watch"
)

// terminal opens a pseudo-terminal of that size: what is drawn on screen comes out of the other end.
func terminal(t *testing.T, rows, columns uint16) (other, screen *os.File) {
	t.Helper()
	other, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { other.Close() })
	fd := int(other.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return other, screen
}

func TestWatchOnATerminal(t *testing.T) {
	other, screen := terminal(t, 12, 70)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	fetch := func(context.Context) (watch.Snapshot, error) {
		if n++; n == 3 {
			cancel()
		}
		return busy(), ctx.Err()
	}
	done := make(chan error, 1)
	go func() {
		err := watch.Watch(ctx, fetch, screen, time.Millisecond)
		screen.Close()
		done <- err
	}()
	out, _ := io.ReadAll(other) // ends with EIO when the screen is closed
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got := string(out)
	if !strings.HasPrefix(got, "\x1b[?25l") || !strings.HasSuffix(got, "\x1b[?25h") {
		t.Errorf("the cursor is not hidden and restored: %q", got)
	}
	pictures := strings.Split(got, "\x1b[Hregion")[1:]
	if len(pictures) != 2 {
		t.Fatalf("%d pictures: %q", len(pictures), got)
	}
	for _, p := range pictures {
		if lines := strings.Count(p, "\n"); lines > 11 || !strings.Contains(p, " more lines\x1b[K") {
			t.Errorf("%d lines do not fit: %q", lines, p)
		}
	}
}
