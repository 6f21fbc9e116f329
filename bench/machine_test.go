//go:build bench

package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// clockTick is USER_HZ, which Linux has fixed for what it shows in /proc: see proc(5).
const clockTick = 100

// load is the load average of the last minute.
func load(t *testing.T) float64 {
	t.Helper()
	fields := strings.Fields(readFile(t, "/proc/loadavg"))
	n, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// cpuSeconds is the processor time that a process has used, in user and kernel mode.
func cpuSeconds(t *testing.T, pid int) float64 {
	t.Helper()
	stat := readFile(t, fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // the name before it may hold anything
	const utime, stime = 14 - 3, 15 - 3                                 // fields of proc(5) start at 1, and two are cut off
	return float64(atoi(t, fields[utime])+atoi(t, fields[stime])) / clockTick
}

// familySeconds is the processor time of a process and of all that it has started.
func familySeconds(t *testing.T, pid int) float64 {
	t.Helper()
	used := cpuSeconds(t, pid)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	for child := range strings.FieldsSeq(string(children)) {
		used += familySeconds(t, atoi(t, child))
	}
	return used
}

// memory is a process's resident set in MiB.
type memory struct{ rss, anonymous, files float64 }

func memoryOf(t *testing.T, pid int) (m memory) {
	t.Helper()
	fields := map[string]*float64{"VmRSS": &m.rss, "RssAnon": &m.anonymous, "RssFile": &m.files}
	for line := range strings.Lines(readFile(t, fmt.Sprintf("/proc/%d/status", pid))) {
		name, value, _ := strings.Cut(line, ":")
		if field := fields[name]; field != nil {
			*field = float64(atoi(t, strings.TrimSuffix(strings.TrimSpace(value), " kB"))) / 1024
		}
	}
	return m
}

// serverPID reads what the server in testenv's folder dir has written.
func serverPID(t *testing.T, dir string) int {
	t.Helper()
	return atoi(t, strings.TrimSpace(readFile(t, filepath.Join(dir, "pid"))))
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
