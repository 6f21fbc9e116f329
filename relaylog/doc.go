// Package relaylog is the relay's durable memory: a [relay.Log] and a [relay.Store].
//
// It keeps one stream of entries for the local database's log and one stream of transactions for each other region.
// A single goroutine writes. Whatever arrived while it was waiting for the disk goes into the next group: one frame of the log, one write, one sync.
// Only when that is done does anything in the group become visible, are waiters woken and [Events] called. So nothing that anybody was
// shown can be lost, and nothing torn can be seen.
//
// # Two parts
//
// The log is in segments (package segment): what is appended once, read in order, and removed in large pieces. The facts beside it are in Badger:
// versions, repairs, conflicts, where streams begin; what is looked up and changed by key. A group's facts stand in its frame too, and go to Badger
// without a sync of their own: every 16 MiB Badger's files are synced and CHECKPOINT says up to where; opening the store replays
// what came behind it. So the two can never disagree, and one sync is all that a transaction waits for.
//
// Records lived in Badger's value log once. With that a backlog was written at a quarter of the speed that it now has, removing old records meant rewriting
// files, and each group took two syncs.
//
// # Format, version 2
//
//	log/        segments: records, chunks, and the facts of each group
//	store/      Badger
//	CHECKPOINT  "octantc2", segment u64, offset u64, CRC: Badger has everything before this place
//	TAIL        "octant1 ", number of the last acknowledged group u64, CRC
//
// All numbers are big-endian. S is the stream: 0 for the local one, else the region's id. N is the record's number: LSN
// or Seq. CRC is CRC32C of a key and of everything in the value before it, so that a right value in a wrong place is
// noticed too; the key of a record is 'r' S N, that of a chunk 'c' S N and its index u32.
//
// A record is written last of all that belongs to it, in the same frame as the state that follows from it:
//
//	+--------------+--------+-----------+--------+------------+------------+---------+
//	| native bytes | header | total u64 | at i64 | chunks u32 | header u32 | CRC u32 |
//	+--------------+--------+-----------+--------+------------+------------+---------+
//
// The native bytes stand in front because they arrive first: they are collected in the very buffer that is written. If
// there are more than 256 KiB of them, they are in chunks 0..chunks-1, which earlier groups may have written, and the
// record holds none. Chunks without a record belong to an entry that was never committed: readers do not see them.
//
//	header   relay.Entry or relay.Transaction in its binary form; its length is the second u32
//	total    native bytes of the stream up to and including this record, trimmed ones too
//	at       when it was written, in microseconds since the Unix epoch; never falls within a stream
//
// In Badger:
//
//	key                               value
//	+---+---------------+
//	| m | name          |             meta, see below
//	+---+---+-----------+
//	| s | S |                         mark       first u64, since u64, bytes u64, CRC u32
//	+---+---+-------+
//	| u | user key  |                 user value, CRC u32 (relay.Store)
//	+---+---+-------+
//	| a | S | N%64  |                 what region S sent ahead as N: a record without chunks, CRC u32 of its key as a record
//	+---+---+-------+
//
// A copy of what was sent ahead is overwritten by a later one, and says nothing if the stream has its N, or if something else was taken as N.
//
// The mark says that everything before first is trimmed, and that segments before since have nothing of the stream;
// bytes is the total before first. A stream without records goes on at first. A segment is removed when everything in it is trimmed.
//
//	meta     format    u32, CRC          the version of all this; a store of another one is refused
//	         store     text, CRC         a random name, made with the store
//	         identity  text, CRC         whose log this is; opening it as another's is refused
//	         state     relay.State, CRC  after the last entry and the last promise
//	         group     u64, CRC          number of the group that wrote it
//
// TAIL is written after each sync and never synced itself. A log that ends before the group in it, or before the one that Badger has, has lost what was
// acknowledged, and is refused.
package relaylog
