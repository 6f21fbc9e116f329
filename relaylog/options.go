package relaylog

import (
	"log/slog"
	"os"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog/segment"
)

// What a zero field of [Options] means.
const (
	DefaultMaxUnsynced = 8 << 20
	DefaultCacheBytes  = 8 << 20
	DefaultMinFree     = 256 << 20
	DefaultSegment     = segment.DefaultLimit
	DefaultMapped      = 16 << 20
)

// Options say how a store is opened. The zero value is good.
type Options struct {
	// Identity names whose log this is, such as cluster, region and id. It is kept at the first opening, and a store
	// with another identity is refused.
	Identity string
	// MaxUnsynced is how many bytes may wait for the disk before EntryWriter.Append blocks.
	MaxUnsynced int64
	// CacheBytes bounds the newest records kept in memory, all streams together. Readers at the tail read only these.
	CacheBytes int64
	// SegmentBytes is how large a file of the log may become. Room comes back in whole files.
	SegmentBytes int64
	// Key has 32 bytes and enciphers everything that is written. A store stays with the key that it was made with. None: in the clear.
	Key []byte
	// MinFree is how many bytes must be free in the file system. With less, writes fail with an error that wraps
	// syscall.ENOSPC, and succeed again when there is room. Badger writes through mapped files, where a disk that
	// is really full ends the process; so this must be left room for. Negative: do not look.
	MinFree int64
	// Mapped is about how many bytes of mapped files may stay resident after having been written or read.
	Mapped int64
	// Logger takes what Badger says and what the housekeeper does. Nil: nobody listens.
	Logger *slog.Logger
	// Events are told what happens.
	Events Events
	// Now is the clock for the age of records.
	Now func() time.Time

	linger time.Duration                    // as long as a patient entry waits
	every  int64                            // bytes of frames between two checkpoints
	sync   func(*os.File) error             // makes a file's content durable
	free   func(dir string) (uint64, error) // bytes that the file system has left
	step   func(name string)                // called between the steps of the writer
}

// Events are called by the writer, one after the other, and should return soon. They must not wait for the log to write
// anything (Write, Promise, Trim, Append): that would be waiting for themselves.
type Events struct {
	// Durable is told of local entries when they have become durable and visible, in order. The slice is the callee's.
	Durable func(entries []relay.Entry)
	// Synced is told of every group.
	Synced func(Group)
	// Failed is told why a group could not be written. Nothing of it was acknowledged.
	Failed func(error)
}

// Group is one sync's worth of writes.
type Group struct {
	Records int           // entries and transactions
	Pairs   int           // keys written or deleted
	Bytes   int64         // keys and values
	Took    time.Duration // building, writing and syncing
}

func (o Options) withDefaults() Options {
	o.MaxUnsynced = orDefault(o.MaxUnsynced, DefaultMaxUnsynced)
	o.CacheBytes = orDefault(o.CacheBytes, DefaultCacheBytes)
	o.SegmentBytes = orDefault(o.SegmentBytes, DefaultSegment)
	o.MinFree = orDefault(o.MinFree, DefaultMinFree)
	o.Mapped = orDefault(o.Mapped, DefaultMapped)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.free == nil {
		o.free = freeBytes
	}
	if o.linger == 0 {
		o.linger = lingerTime
	}
	o.every = orDefault(o.every, checkpointBytes)
	if o.sync == nil {
		o.sync = syncData
	}
	if o.step == nil {
		o.step = func(string) {}
	}
	return o
}

func orDefault(n, otherwise int64) int64 {
	if n == 0 {
		return otherwise
	}
	return n
}
