package relaylog

import (
	"os"
	"syscall"
)

// syncData makes what was written to the file durable, and of its attributes only what is needed to read it again.
func syncData(f *os.File) error {
	if err := syscall.Fdatasync(int(f.Fd())); err != nil {
		return os.NewSyscallError("fdatasync", err)
	}
	return nil
}
