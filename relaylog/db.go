package relaylog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog/segment"
)

// valueThreshold is from how many bytes on Badger keeps a value in its value log. It is the most that Badger allows, and hardly any value has so many:
// deleted ones then leave with the next compactions, and nobody has to rewrite value logs.
const valueThreshold = 1 << 20

// Where the parts of the store are.
const (
	logDir   = "log"   // segments
	storeDir = "store" // Badger
)

// DB is an open relay log. Its methods may be called from any goroutine.
type DB struct {
	dir     string
	opts    Options
	storeID string
	badger  *badger.DB
	log     *segment.Set
	queue   *queue
	limit   cost // of a group
	cache   *cache
	streams [relay.MaxRegions + 1]*stream
	local   *localStream
	tail    *tailFile
	frame   segment.Frame // the writer's
	written int64         // bytes since the last checkpoint; the writer's
	owed    []relay.Pair  // what of the log Badger has not been told; the writer's

	mu      sync.Mutex
	state   relay.State
	err     error
	closing bool
	settled uint64 // segments before this one are not needed for opening the store

	settle       chan segment.Position // checkpoints to be made
	checkpointer sync.WaitGroup

	users   sync.WaitGroup // readers inside Badger
	loops   sync.WaitGroup
	ctx     context.Context // ends when closing begins
	cancel  context.CancelCauseFunc
	drained chan struct{}     // the last group was written
	copies  map[string][]byte // by key: what was replayed of copies, until all streams are open

	tidy   chan struct{} // something to trim or to let go
	mapped atomic.Int64  // bytes written and read since mapped pages were let go
}

var (
	_ relay.Log   = (*DB)(nil)
	_ relay.Store = (*DB)(nil)
)

// Open opens the store in dir, and makes it if there is none. Only one process can have it open.
func Open(dir string, opts Options) (*DB, error) {
	db := &DB{
		dir: dir, opts: opts.withDefaults(), drained: make(chan struct{}), tidy: make(chan struct{}, 1),
		settle: make(chan segment.Position, 1), copies: make(map[string][]byte),
	}
	db.ctx, db.cancel = context.WithCancelCause(context.Background())
	db.queue = newQueue(db.opts.MaxUnsynced, db.opts.linger)
	db.cache = newCache(db.opts.CacheBytes)
	if err := db.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open relay log in %s: %w", dir, err), db.closeFiles())
	}
	db.loops.Go(db.runWriter)
	db.loops.Go(db.runHousekeeper)
	db.checkpointer.Go(db.runCheckpointer)
	return db, nil
}

func (db *DB) open() (err error) {
	cipher, err := segment.NewCipher(db.opts.Key)
	if err != nil {
		return err
	}
	for _, part := range []string{logDir, storeDir} {
		if err := os.MkdirAll(filepath.Join(db.dir, part), 0o700); err != nil {
			return err
		}
	}
	if err := dropUnborn(filepath.Join(db.dir, storeDir)); err != nil {
		return err
	}
	facts, err := badger.Open(db.badgerOptions())
	if err != nil {
		return explainKey(err) // with it comes a store that must not be closed
	}
	db.badger = facts
	db.limit = groupLimit(db.badger)
	if err := db.checkFormat(); err != nil {
		return err
	}
	db.log, err = segment.Open(filepath.Join(db.dir, logDir), segment.Options{
		Limit: db.opts.SegmentBytes, Sync: db.opts.sync, Describe: describe, Cipher: cipher,
	})
	if err != nil {
		return err
	}
	return db.openEnd()
}

// openEnd finds out where the log ends.
func (db *DB) openEnd() error {
	for _, step := range []func() error{db.openTail, db.replay, db.openMeta, db.recover} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// explainKey says what to do when Badger has been enciphered with another key.
func explainKey(err error) error {
	if errors.Is(err, badger.ErrEncryptionKeyMismatch) {
		return fmt.Errorf("%w: %w", segment.ErrKey, err)
	}
	return err
}

// badgerOptions are for few and small values in a process that should stay small. What is written is durable already: see checkpoint.
func (db *DB) badgerOptions() badger.Options {
	opts := badger.DefaultOptions(filepath.Join(db.dir, storeDir)).
		WithSyncWrites(false).
		WithDetectConflicts(false).
		WithNumVersionsToKeep(1).
		WithCompression(0).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithMemTableSize(memTableSize).
		WithNumMemtables(2).
		WithNumCompactors(2).
		WithValueThreshold(valueThreshold).
		WithValueLogFileSize(valueLogFile).
		WithMetricsEnabled(false).
		WithLogger(badgerLogger{db.opts.Logger})
	if len(db.opts.Key) == 0 {
		return opts.WithBlockSize(blockSize)
	}
	return opts.WithEncryptionKey(db.opts.Key).WithBlockCacheSize(indexCache).WithIndexCacheSize(indexCache)
}

const (
	memTableSize = 12 << 20
	valueLogFile = 16 << 20
	indexCache   = 8 << 20 // Badger wants caches when it enciphers
	// blockSize is many times what a value has that is called long. Badger makes tables of blocks, each in a piece of memory that grows by doubling: a value that is longer than a block takes three times
	// its size there. In the clear the rest of a block costs a look half a microsecond; enciphered it must be read, so that those stay at Badger's 4 KiB.
	blockSize = 64 << 10
)

// Close lets what was committed become durable, stops, and closes the store. Cursors and waiters return ErrClosed. It
// returns an error if what was committed could not be made durable.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closing {
		db.mu.Unlock()
		return relay.ErrClosed
	}
	db.closing = true
	db.mu.Unlock()
	db.cancel(relay.ErrClosed)
	db.queue.close()
	db.loops.Wait()
	close(db.drained)
	close(db.settle)
	db.checkpointer.Wait()
	db.users.Wait()
	if err := errors.Join(db.Err(), db.closeFiles()); err != nil {
		return fmt.Errorf("close relay log in %s: %w", db.dir, err)
	}
	return nil
}

func (db *DB) closeFiles() error {
	var errs []error
	if db.tail != nil {
		errs = append(errs, db.tail.close())
	}
	if db.badger != nil {
		errs = append(errs, db.badger.Close())
	}
	if db.log != nil {
		errs = append(errs, db.lastCheckpoint(errors.Join(errs...)), db.log.Close())
	}
	return errors.Join(errs...)
}

// lastCheckpoint leaves nothing to be replayed, if all went well.
func (db *DB) lastCheckpoint(err error) error {
	if err != nil || db.local == nil || db.Err() != nil {
		return nil
	}
	return db.checkpoint(db.log.End())
}

// enter says that Badger is about to be read; every successful enter needs a leave.
func (db *DB) enter() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closing {
		return relay.ErrClosed
	}
	db.users.Add(1)
	return nil
}

func (db *DB) leave() { db.users.Done() }

// view reads Badger.
func (db *DB) view(read func(*badger.Txn) error) error {
	if err := db.enter(); err != nil {
		return err
	}
	defer db.leave()
	return db.badger.View(read)
}

func (db *DB) closed() bool { return db.ctx.Err() != nil }

// StoreID returns the random name that the store got when it was made.
func (db *DB) StoreID() string { return db.storeID }

// Dir returns the directory of the store.
func (db *DB) Dir() string { return db.dir }

// Err returns why nothing can be written at the moment, nil if it can. An error that wraps syscall.ENOSPC goes away when
// there is room and something is written; after any other the store must be closed and opened again.
func (db *DB) Err() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.err
}

func (db *DB) setErr(err error) {
	db.mu.Lock()
	db.err = err
	db.mu.Unlock()
}

// State returns what the last durable local entry and the last durable promise left.
func (db *DB) State() relay.State {
	db.mu.Lock()
	defer db.mu.Unlock()
	return cloneState(db.state)
}

func cloneState(s relay.State) relay.State {
	s.Seen = slices.Clone(s.Seen)
	return s
}

// Promise makes a clock value durable: State().HLC is at least h afterwards, here and after every crash.
func (db *DB) Promise(ctx context.Context, h relay.HLC) error {
	if h <= db.State().HLC {
		return nil
	}
	return db.queue.do(ctx, &op{promise: h})
}

// Local returns the stream of the local database's log.
func (db *DB) Local() relay.LocalStream { return db.local }

// Received returns the stream of a region's transactions. It panics if r is no region.
func (db *DB) Received(r relay.Region) relay.ReceivedStream {
	return &receivedStream{stream: db.received(r)}
}

func (db *DB) received(r relay.Region) *stream {
	if !r.Valid() {
		panic(fmt.Sprintf("relaylog: no region has the id %d", r))
	}
	return db.streams[r]
}
