//go:build unix && !linux

package testenv

import "syscall"

// childAttributes puts a child in a process group of its own, so that a Ctrl-C in the terminal reaches only
// us and we end the children in order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
