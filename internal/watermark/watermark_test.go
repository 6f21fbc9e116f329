package watermark_test

import (
	"errors"
	"testing"

	"github.com/octant-db/octant/internal/watermark"
)

const mib = 1 << 20

func TestDiskIsShortBelowItsMarkUntilThereIsAnEighthMore(t *testing.T) {
	var free uint64
	var broken error
	mark := watermark.Disk(800*mib, func() (uint64, error) { return free, broken })
	for _, step := range []struct {
		free   uint64
		broken error
		short  bool
	}{
		{free: 2000 * mib},
		{free: 800 * mib},
		{free: 799 * mib, short: true},
		{free: 850 * mib, short: true},
		{free: 0, short: true},
		{free: 5000 * mib, broken: errors.New("no such directory"), short: true}, // as it was
		{free: 900 * mib},
		{free: 850 * mib},
		{free: 1 << 63},
	} {
		free, broken = step.free, step.broken
		if got, short := mark.Short(); short != step.short || short && (got.Of != "disk" || got.Remedy == "") {
			t.Fatalf("with %d MiB free: %+v, short %v", free/mib, got, short)
		}
	}
}

func TestMemoryIsShortAboveItsMarkUntilThereIsAnEighthLess(t *testing.T) {
	var used int64
	mark := watermark.Memory(800*mib, func() int64 { return used })
	for _, step := range []struct {
		used  int64
		short bool
	}{{100 * mib, false}, {801 * mib, true}, {750 * mib, true}, {700 * mib, false}, {800 * mib, false}} {
		used = step.used
		if _, short := mark.Short(); short != step.short {
			t.Fatalf("with %d MiB used: short %v", used/mib, short)
		}
	}
}

func TestShortNamesEveryMarkThatIsPassed(t *testing.T) {
	memory := watermark.Memory(100*mib, func() int64 { return 350 * mib })
	disk := watermark.Disk(0, func() (uint64, error) { return 0, nil })
	short := watermark.Short(memory, disk)
	if len(short) != 1 || short[0].Of != "memory" || short[0].Detail != "the mark of 100 MiB is passed by 250 MiB" {
		t.Fatalf("%+v", short)
	}
}

func TestProcessIsMeasured(t *testing.T) {
	if n := watermark.Process(); n < mib {
		t.Fatalf("this process is said to use %d bytes", n)
	}
}
