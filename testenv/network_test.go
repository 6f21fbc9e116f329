package testenv_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
)

// echo is a server that sends every byte back.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		wg.Wait()
	})
	return listener.Addr().String()
}

func newNetwork(t *testing.T, targets map[string]string) *testenv.Network {
	t.Helper()
	n, err := testenv.NewNetwork(targets)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func dial(t *testing.T, link *testenv.Link) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", link.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// roundTrip sends a line and reads it back.
func roundTrip(conn net.Conn) error {
	if _, err := conn.Write([]byte("hello\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && line != "hello\n" {
		return errors.New("the link changed the bytes")
	}
	return err
}

// tryLink dials and makes a round trip. A reset may come as early as during the dial.
func tryLink(link *testenv.Link) error {
	conn, err := net.Dial("tcp", link.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return err
	}
	return roundTrip(conn)
}

func mustRoundTrip(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := roundTrip(conn); err != nil {
		t.Fatal(err)
	}
}

func TestNetworkHasALinkForEveryDirection(t *testing.T) {
	t.Parallel()
	targets := make(map[string]string)
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		targets[name] = echo(t)
	}
	n := newNetwork(t, targets)
	links := n.Links()
	if len(links) != 56 {
		t.Fatalf("%d links, want 56", len(links))
	}
	for _, link := range links {
		mustRoundTrip(t, dial(t, link))
	}
}

func TestIsolatedRegionIsCutInBothDirectionsAndHeals(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, map[string]string{"a": echo(t), "b": echo(t), "c": echo(t)})
	old := dial(t, n.Link("b", "a"))
	mustRoundTrip(t, old)
	n.Isolate("a", testenv.Cut)
	if err := roundTrip(old); err == nil {
		t.Error("a connection survived the cut")
	}
	for _, link := range []*testenv.Link{n.Link("a", "b"), n.Link("b", "a"), n.Link("c", "a")} {
		if err := tryLink(link); err == nil {
			t.Errorf("link %s to %s works while cut", link.From, link.To)
		}
	}
	mustRoundTrip(t, dial(t, n.Link("b", "c")))
	n.Rejoin("a")
	mustRoundTrip(t, dial(t, n.Link("b", "a")))
}

func TestPartitionSeparatesGroups(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, map[string]string{"a": echo(t), "b": echo(t), "c": echo(t), "d": echo(t)})
	n.Partition("a", "b")
	mustRoundTrip(t, dial(t, n.Link("a", "b")))
	mustRoundTrip(t, dial(t, n.Link("d", "c")))
	if err := tryLink(n.Link("b", "c")); err == nil {
		t.Error("the partition leaks")
	}
	n.Heal()
	mustRoundTrip(t, dial(t, n.Link("b", "c")))
}

func TestStalledLinkHoldsBytesUntilItHeals(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, map[string]string{"a": echo(t), "b": echo(t)})
	link := n.Link("a", "b")
	conn := dial(t, link)
	mustRoundTrip(t, conn)
	passed := link.Passed()
	link.Set(testenv.Stalled)
	answer := make(chan error, 1)
	go func() { answer <- roundTrip(conn) }()
	other := dial(t, link) // is taken, and hears nothing
	if _, err := other.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "both connections to be carried", func() bool { return link.Connections() == 2 })
	if link.Passed() != passed {
		t.Error("a stalled link passed bytes on")
	}
	link.Set(testenv.Healthy)
	if err := <-answer; err != nil {
		t.Errorf("the held bytes did not arrive: %v", err)
	}
}

func TestLinkStallsByItselfInTheMiddle(t *testing.T) {
	t.Parallel()
	link := newNetwork(t, map[string]string{"a": echo(t), "b": echo(t)}).Link("a", "b")
	conn := dial(t, link)
	mustRoundTrip(t, conn)
	link.StallAfter(1)
	answer := make(chan error, 1)
	go func() { answer <- roundTrip(conn) }()
	waitFor(t, "the link to stall", func() bool { return link.Condition() == testenv.Stalled })
	link.Set(testenv.Healthy)
	if err := <-answer; err != nil {
		t.Errorf("the rest did not arrive: %v", err)
	}
}

func TestResetEndsConnectionsOnceWithAReset(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, map[string]string{"a": echo(t), "b": echo(t)})
	link := n.Link("a", "b")
	conn := dial(t, link)
	mustRoundTrip(t, conn)
	link.Reset()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reading after a reset: %v", err)
	}
	waitFor(t, "the connection to be gone", func() bool { return link.Connections() == 0 })
	mustRoundTrip(t, dial(t, link))
}

func TestStalledConnectionsEndWithResetAndClose(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, map[string]string{"a": echo(t), "b": echo(t)})
	link := n.Link("a", "b")
	conn := dial(t, link)
	mustRoundTrip(t, conn)
	link.Set(testenv.Stalled)
	if _, err := conn.Write([]byte("held back\n")); err != nil {
		t.Fatal(err)
	}
	link.Reset()
	waitFor(t, "the connection to be gone", func() bool { return link.Connections() == 0 })
}

func TestLatencyDelaysBothWays(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, map[string]string{"a": echo(t), "b": echo(t)})
	n.SetLatency(20 * time.Millisecond)
	conn := dial(t, n.Link("a", "b"))
	began := time.Now()
	mustRoundTrip(t, conn)
	if took := time.Since(began); took < 40*time.Millisecond {
		t.Errorf("a round trip took %v with 20 ms each way", took)
	}
}

func TestLinkCarriesMuchAndHalfCloses(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, map[string]string{"a": echo(t), "b": echo(t)})
	n.SetLatency(time.Millisecond)
	conn := dial(t, n.Link("a", "b"))
	const size = 8 << 20
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := conn.Write(make([]byte, size)); err != nil {
			t.Error(err)
		}
		if err := conn.CloseWrite(); err != nil {
			t.Error(err)
		}
	})
	got, err := io.Copy(io.Discard, conn)
	wg.Wait()
	if err != nil || got != size {
		t.Errorf("%d of %d bytes came back: %v", got, size, err)
	}
}

func TestLinkResetsWhenNobodyListensBehindIt(t *testing.T) {
	t.Parallel()
	port, err := testenv.ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = port.Release() })
	n := newNetwork(t, map[string]string{"a": port.Addr(), "b": echo(t)})
	if err := tryLink(n.Link("b", "a")); err == nil {
		t.Error("a link to nobody answers")
	}
}
