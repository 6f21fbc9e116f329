//go:build !linux

package primary

import "net"

// boundUnanswered leaves it to the kernel when to give up.
func boundUnanswered(net.Conn) error { return nil }
