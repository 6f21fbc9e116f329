package primary_test

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/octant-db/octant/protocol/mysql/primary"
)

// A client whose network is gone is given up before what it was sent counts as received.
func TestSilentClientsAreGivenUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := primary.BoundUnanswered(client); err != nil {
		t.Fatal(err)
	}
	raw, err := client.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var bound int
	if cerr := raw.Control(func(fd uintptr) { bound, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	if bound <= 0 || bound >= 60_000 {
		t.Errorf("data may stay without an answer for %d ms, and counts as received after a minute", bound)
	}
}
