// Package segment keeps a log in files of bounded size that are only ever appended to, and are removed whole.
//
// The unit of writing is the [Frame]: everything that becomes durable together, with one write and one sync. A frame holds records and chunks
// of numbered streams, and key-value pairs for whoever wants to replay them. Records of all streams stand in the same files, in the order in which
// they were written.
//
// # Files
//
// All numbers are big-endian; CRC is CRC32C. Every file begins with a head:
//
//	magic 8 bytes  number u64  after u64  nonce 16 bytes  check 8 bytes  CRC u32
//
// After is the number of the last group before the file. If nonce and check are zero, the rest is in the clear; else it is enciphered with AES-256 in counter mode, the counter being nonce plus offset/16, and
// check tells a wrong key. A segment ("OCTSEG02") is a sequence of items:
//
//	group    'g'  size u32  CRC u32  number u64        begins a frame: size bytes of items follow; the CRC covers number and items
//	record   'r'  stream u8  number u64  size u32      size bytes
//	chunk    'c'  stream u8  number u64  index u32  size u32   size bytes
//	pair     'p'  key size u32  value size u32         key, value; a value size of 2^32-1 and no value: deleted
//
// Groups are numbered without holes. A frame that is not whole, or has not the number that comes next, ends the log: it was never acknowledged, or
// somebody damaged the file, which only the owner of the log can tell apart.
//
// Behind the last frame of the segment that grows may be zeros, in the clear whatever the key: room for the next frames. A file system makes what is written into them
// durable without touching its own records of the file, which takes a fraction of the time. A segment that is full, or was closed, ends with its last frame.
//
// What is in a segment is found through its index. While the segment grows, the index is in memory; it is made again by reading the segment when the log is
// opened. When the segment is full, the index is written beside it, and only the ranges of its streams stay in memory:
//
//	head "OCTIDX02"  segment size u64  last group u64  sections u32
//	sections x  (id u8  offset u64  size u32  CRC u32)
//	CRC u32     of all of the above but the head
//	sections    'r' ranges    stream u8  first u64  last u64  top u64          of each stream that has something in the segment
//	            'p' points    stream u8  number u64  offset u32                every 32 KiB a record of each stream
//	            'c' chunks    stream u8  number u64  index u32  offset u32
//	            's' sequences sequence u64  number u64                         every 32 KiB a record that has one
//	            'd' directory offset u64  size u32  CRC u32  key size u16  key of the blocks of keys, by their first keys
//	            'k' keys      (key size u16  key  number u64) ...              sorted, in blocks of about 8 KiB
//
// A missing or damaged index is made again from its segment.
package segment
