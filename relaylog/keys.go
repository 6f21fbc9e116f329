package relaylog

import "encoding/binary"

// The first byte of every key in Badger, and of what stands for a record's or chunk's key in its checksum; see the package comment.
const (
	metaPrefix   = 'm'
	markPrefix   = 's'
	recordPrefix = 'r'
	chunkPrefix  = 'c'
	storePrefix  = 'u'
	copyPrefix   = 'a'
)

func metaKey(name string) []byte { return append([]byte{metaPrefix}, name...) }

func markKey(stream byte) []byte { return []byte{markPrefix, stream} }

func recordKey(stream byte, number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{recordPrefix, stream}, number)
}

func chunkKey(stream byte, number uint64, index uint32) []byte {
	key := binary.BigEndian.AppendUint64(append(make([]byte, 0, 14), chunkPrefix, stream), number)
	return binary.BigEndian.AppendUint32(key, index)
}

// copyKey is the place of the copy of a transaction that was sent ahead.
func copyKey(stream byte, number uint64) []byte {
	return []byte{copyPrefix, stream, byte(number % copies)}
}

func storeKey(key []byte) []byte { return append([]byte{storePrefix}, key...) }

// numberOf returns N of a record's or chunk's key.
func numberOf(key []byte) uint64 {
	if len(key) < 10 {
		return 0
	}
	return binary.BigEndian.Uint64(key[2:])
}
