package regions_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// More drills of docs/operations.md, of things that go wrong with a region's machine.

// wrongClock builds a relay whose clock is ahead by two minutes for as long as a file is there.
func wrongClock(t *testing.T, file string) (program string) {
	t.Helper()
	const ours, begin = "relay.SystemClock{}", "// sockets are the two addresses that a relay serves.\n"
	clock := fmt.Sprintf(`type wrongClock struct{ relay.SystemClock }

func (wrongClock) Now() time.Time {
	if _, err := os.Stat(%q); err == nil {
		return time.Now().Add(2 * time.Minute)
	}
	return time.Now()
}

`, file)
	instead := func(line string) testenv.Edit {
		return testenv.Edit{File: "cmd/octant/run.go", Old: line, New: strings.Replace(line, ours, "wrongClock{}", 1)}
	}
	program, err := testenv.BuildChanged(t.Context(), t.TempDir(), testenv.Edit{File: "cmd/octant/run.go", Old: begin, New: clock + begin},
		instead("Flavour: e.flavour, Clock: relay.SystemClock{}, Logger: log,"), instead("Told: e.hooks.Flush, Clock: relay.SystemClock{},"))
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// TestAClockIsWrongAndIsSetRight: region c's machine is two minutes ahead. It says so itself, the others and octant doctor say so, nobody stops, and everything
// is well when the clock is right again.
func TestAClockIsWrongAndIsSetRight(t *testing.T) {
	wrong := filepath.Join(t.TempDir(), "ahead")
	program := wrongClock(t, wrong)
	drill(t, func(bed *testenv.Bed) {
		a, c := bed.Region("a"), bed.Region("c")
		install(t, c, program)
		if err := os.WriteFile(wrong, nil, 0o600); err != nil {
			t.Error(err)
		}
		waitProblem(t, bed, "c", "clock_ahead", "ahead of most others")
		waitProblem(t, bed, "a", "clock_drift", "ahead of this region's")
		requireSick(t, a, "clock +1", "run NTP or chrony")
		before := metric(t, a, "octant_peer_applied_sequence", `peer="c"`)
		waitFor(t, "region a to take what c writes", func(context.Context) (bool, string) {
			now := metric(t, a, "octant_peer_applied_sequence", `peer="c"`)
			return now > before+50, fmt.Sprint(now - before)
		})
		if err := os.Remove(wrong); err != nil {
			t.Error(err)
		}
		waitFor(t, "the clocks to be right", func(context.Context) (bool, string) {
			offset := metric(t, a, "octant_clock_offset_seconds", `peer="c"`)
			return offset < 1, fmt.Sprint(offset)
		})
	})
}

// free is how much room the file system of a folder has.
func free(t *testing.T, dir string) uint64 {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return s.Bavail * uint64(s.Bsize)
}

// ballast takes room without writing anything.
func ballast(t *testing.T, path string, size uint64) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(unix.Fallocate(int(file.Fd()), 0, 0, int64(size)), file.Close()); err != nil {
		t.Skip("SKIPPED: this file system cannot set room aside: ", err)
	}
}

// TestADiskFillsUpAndIsMadeRoomOn: the relay slows down, says so, then stops taking anything in and says so too. What its region commits meanwhile stays in its
// database's log, and everything goes on by itself when there is room.
func TestADiskFillsUpAndIsMadeRoomOn(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: pairSchema})
	a, b := bed.Region("a"), bed.Region("b")
	room := free(t, bed.Dir)
	part := min(room/16, 1<<30) // others use the disk as well
	restartWith(envtest.Context(t, soon), t, a.Relay, map[string]any{
		"retention": map[string]any{"min_free": fmt.Sprint(room - 3*part)},
		"pressure":  map[string]any{"free": fmt.Sprint(room - part)},
	})
	first, second := filepath.Join(bed.Dir, "ballast-1"), filepath.Join(bed.Dir, "ballast-2")
	ballast(t, first, 2*part)
	waitProblem(t, bed, "a", "disk_short", "")
	run(t, a, "INSERT INTO app.t VALUES (1, 'slow')")
	waitRows(t, b.Server.DB(), "SELECT v FROM app.t", "slow")

	ballast(t, second, 2*part)
	run(t, a, "INSERT INTO app.t VALUES (2, 'kept by the database')")
	waitProblem(t, bed, "a", "log_unwritable", "")
	run(t, b, "INSERT INTO app.t VALUES (3, 'kept by b')")
	if got := rowsAt(t, b, "SELECT id FROM app.t ORDER BY id"); got != "1; 3" {
		t.Errorf("region b has the rows %s", got)
	}
	if err := errors.Join(os.Remove(first), os.Remove(second)); err != nil {
		t.Fatal(err)
	}
	for _, r := range bed.Regions {
		waitRows(t, r.Server.DB(), "SELECT id FROM app.t ORDER BY id", "1; 2; 3")
	}
	requireFlow(t, bed)
}
