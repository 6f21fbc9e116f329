package relaylog

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// releaseMapped takes the pages of the directory's mapped files out of this process's resident set. Badger writes and
// reads all its files through shared mappings, whose pages otherwise count as resident until the system runs short.
//
// MADV_PAGEOUT changes no byte, whatever is mapped at the address by the time it is called, so it does not matter that
// Badger may unmap a file meanwhile. (MADV_DONTNEED would.) Dirty pages are written back first.
func releaseMapped(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer maps.Close()
	var errs []error
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		start, size, path := parseMapping(lines.Text())
		if size > 0 && filepath.Dir(path) == dir && releasable(path) {
			errs = append(errs, pageOut(start, size))
		}
	}
	return errors.Join(errs...)
}

// releasable spares the write-ahead log of the newest records, which is small and in use.
func releasable(path string) bool {
	return strings.HasSuffix(path, ".vlog") || strings.HasSuffix(path, ".sst")
}

// parseMapping reads "start-end perms offset dev inode   path", all numbers in hex.
func parseMapping(line string) (start, size uintptr, path string) {
	slash := strings.IndexByte(line, '/')
	from, rest, ok := strings.Cut(line, "-")
	to, _, ok2 := strings.Cut(rest, " ")
	if slash < 0 || !ok || !ok2 {
		return 0, 0, ""
	}
	a, err1 := strconv.ParseUint(from, 16, 64)
	b, err2 := strconv.ParseUint(to, 16, 64)
	if err1 != nil || err2 != nil || b <= a {
		return 0, 0, ""
	}
	return uintptr(a), uintptr(b - a), line[slash:]
}

func pageOut(start, size uintptr) error {
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, start, size, unix.MADV_PAGEOUT)
	if errno == 0 || errno == unix.ENOMEM { // unmapped since
		return nil
	}
	return errno
}
