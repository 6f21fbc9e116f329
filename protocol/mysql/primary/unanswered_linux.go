package primary

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// boundUnanswered has the kernel give up a connection whose data nobody acknowledges.
func boundUnanswered(c net.Conn) error {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil // a test's, or a socket of this machine
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unanswered.Milliseconds()))
	})
	if err == nil {
		err = set
	}
	if err != nil {
		return fmt.Errorf("bound for how long a client may stay silent: %w", err)
	}
	return nil
}
