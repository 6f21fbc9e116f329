// Package relaylog is the relay's durable memory: a [relay.Log] and a [relay.Store] in one Badger store.
//
// It keeps one stream of entries for the local database's log and one stream of transactions for each other region.
// A single goroutine writes. Whatever arrived while it was waiting for the disk goes into the next group: one Badger
// transaction, one sync. Only when that is done does anything in the group become visible, are waiters woken and
// [Events] called. So nothing that anybody was shown can be lost, and nothing torn can be seen.
//
// # Format, version 1
//
// All numbers are big-endian. S is the stream: 0 for the local one, else the region's id. N is the record's number: LSN
// or Seq. CRC is CRC32C of the key and of everything in the value before it, so that a right value under a wrong key is
// noticed too.
//
//	key                               value
//	+---+---------------+
//	| m | name          |             meta, see below
//	+---+---+-----------+
//	| s | S |                         mark       first u64, deleted u64, bytes u64, CRC u32
//	+---+---+-----------+
//	| r | S | N u64     |             record     see below
//	+---+---+-----------+---------+
//	| c | S | N u64     | I u32   |   chunk      native bytes (<= 256 KiB), CRC u32
//	+---+---+-------+---+---------+
//	| q | Seq u64   |                 LSN u64, CRC u32: where the Local entry with that sequence is
//	+---+-----------+---+
//	| k | entry key     |             LSN u64, CRC u32: the last entry with that key (Entry.Keys)
//	+---+---------------+
//	| u | user key      |             user value, CRC u32 (relay.Store); empty: deleted
//	+---+---------------+
//
// A record is written last of all that belongs to it, in the same Badger transaction as the state and the keys that
// follow from it:
//
//	+--------------+--------+-----------+--------+------------+------------+---------+
//	| native bytes | header | total u64 | at i64 | chunks u32 | header u32 | CRC u32 |
//	+--------------+--------+-----------+--------+------------+------------+---------+
//
// The native bytes stand in front because they arrive first: they are collected in the very buffer that is stored. If
// there are more than 256 KiB of them, they are in chunks 0..chunks-1, which earlier groups may have written, and the
// record holds none. Chunks without a record belong to an entry that was never committed: readers do not see them,
// and opening the store removes them.
//
//	header   relay.Entry or relay.Transaction in its binary form; its length is the second u32
//	total    native bytes of the stream up to and including this record, trimmed ones too
//	at       when it was written, in microseconds since the Unix epoch; never falls within a stream
//
// The mark says that everything before first is trimmed, and everything before deleted is also gone from the disk;
// bytes is the total before first. A stream without records goes on at first.
//
//	meta     format    u32, CRC          the version of all this; a store of a newer one is refused
//	         store     text, CRC         a random name, made with the store
//	         identity  text, CRC         whose log this is; opening it as another's is refused
//	         state     relay.State, CRC  after the last entry and the last promise
//	         group     u64, CRC          number of the group that wrote it
//
// Beside Badger's files stands one of ours, TAIL: "octant1 ", the number of the last group that was acknowledged,
// and a CRC. It is written after each sync and never synced itself. Badger cuts a damaged tail off its own
// write-ahead log without a word; a store whose group is below the one in TAIL has lost what was acknowledged, and is refused.
package relaylog
