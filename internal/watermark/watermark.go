// Package watermark tells when a relay runs short of disk or memory, well before it has none. A relay that is short is not full: it takes in less,
// which leaves room for the work that gives room back.
package watermark

import (
	"fmt"
	"runtime/metrics"

	"github.com/octant-db/octant/relay"
)

// Mark is a watermark. It is passed when there is no room left before it, and unpassed only when there is an eighth of it again, so that what stands at the mark does not
// flicker. One goroutine at a time looks at it.
type Mark struct {
	of, remedy string
	at         int64
	room       func() (int64, error) // bytes left before the mark, less than 0 beyond it
	passed     bool
}

// Disk is passed while free, the bytes that the file system has left, is less than floor.
func Disk(floor int64, free func() (uint64, error)) *Mark {
	return &Mark{
		of: "disk", at: floor,
		remedy: "give the data directory room, or bring back what holds the log: a peer or a replica that is away",
		room: func() (int64, error) {
			n, err := free()
			return int64(min(n, 1<<62)) - floor, err
		},
	}
}

// Memory is passed while used, in bytes, is more than ceiling.
func Memory(ceiling int64, used func() int64) *Mark {
	return &Mark{
		of: "memory", at: ceiling,
		remedy: "bring back a region that is cut off or paused, or set pressure.memory higher if the machine has more",
		room:   func() (int64, error) { return ceiling - used(), nil },
	}
}

// Short tells what is short, if the mark is passed. What cannot be measured is as it was.
func (m *Mark) Short() (relay.Shortage, bool) {
	room, err := m.room()
	if err == nil {
		m.passed = room < 0 || m.passed && room < m.at/8
	}
	if !m.passed {
		return relay.Shortage{}, false
	}
	return relay.Shortage{Of: m.of, Detail: fmt.Sprintf("the mark of %d MiB is passed by %d MiB", m.at>>20, max(0, -room)>>20), Remedy: m.remedy}, true
}

// Short tells what is short according to each of some marks.
func Short(marks ...*Mark) (short []relay.Shortage) {
	for _, m := range marks {
		if s, passed := m.Short(); passed {
			short = append(short, s)
		}
	}
	return short
}

// Process is what this process has of the machine's memory through Go's allocator, in bytes.
func Process() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}
