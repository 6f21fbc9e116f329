package guise

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// packet is one of MySQL's, its header of four bytes included.
type packet []byte

const headerSize = 4

// maxPayload is what a packet can hold; a message that has as much goes on in the next one.
const maxPayload = 1<<24 - 1

func readPacket(r io.Reader) (packet, error) {
	p := make(packet, headerSize, 512)
	if _, err := io.ReadFull(r, p); err != nil {
		return nil, err
	}
	n := int(p[0]) | int(p[1])<<8 | int(p[2])<<16
	p = append(p, make([]byte, n)...)
	_, err := io.ReadFull(r, p[headerSize:])
	return p, err
}

func newPacket(sequence byte, payload []byte) packet {
	n := len(payload)
	return append(packet{byte(n), byte(n >> 8), byte(n >> 16), sequence}, payload...)
}

func (p packet) sequence() byte  { return p[3] }
func (p packet) payload() []byte { return p[headerSize:] }
func (p packet) continued() bool { return len(p.payload()) == maxPayload }

// Capabilities that a guise does not offer: it could not read what comes then.
const (
	compress     = 1 << 5
	secure       = 1 << 11
	compressZstd = 1 << 26
	notOffered   = compress | secure | compressZstd
)

// announcesAttributes tells whether a client, by its first packet, says before a query which attributes the query has.
func announcesAttributes(login packet) bool {
	const attributes = 1 << 27
	b := login.payload()
	return len(b) >= 4 && binary.LittleEndian.Uint32(b)&attributes != 0
}

// noAttributes is what it says if there are none.
var noAttributes = []byte{0, 1}

// disguised is the server's greeting with another version: see HandshakeV10 in MySQL's description of the protocol.
func disguised(greeting packet, version string) (packet, error) {
	b := greeting.payload()
	if len(b) == 0 || b[0] != 10 {
		return greeting, nil // an error: too many connections
	}
	end := 1
	for end < len(b) && b[end] != 0 {
		end++
	}
	// zero, thread, 8 bytes of salt, zero, lower capabilities, character set, status, upper capabilities
	rest := append([]byte(nil), b[min(end, len(b)):]...)
	const lower, upper = 1 + 4 + 8 + 1, 1 + 4 + 8 + 1 + 2 + 1 + 2
	if len(rest) < upper+2 {
		return nil, errors.New("read greeting: it is too short")
	}
	const withhold = uint32(notOffered)
	put := func(at int, mask uint16) {
		binary.LittleEndian.PutUint16(rest[at:], binary.LittleEndian.Uint16(rest[at:])&^mask)
	}
	put(lower, uint16(withhold&0xffff))
	put(upper, uint16(withhold>>16))
	return newPacket(greeting.sequence(), append(append([]byte{10}, version...), rest...)), nil
}

// redescribed is a packet of a dump; of a format description it says another version.
func redescribed(p packet, version string) (packet, error) {
	const eventHeader, versionAt, versionSize, typeAt, flagsAt, checksum = 19, 2, 50, 4, 17, 4
	b := p.payload()
	if len(b) < 1+eventHeader || b[0] != 0 || b[1+typeAt] != 15 {
		return p, nil
	}
	event := b[1:]
	if len(event) < eventHeader+versionAt+versionSize+checksum {
		return nil, fmt.Errorf("read format description: it has %d bytes", len(event))
	}
	field := event[eventHeader+versionAt:][:versionSize]
	clear(field)
	copy(field[:versionSize-1], version)
	body := event[:len(event)-checksum]
	flags := event[flagsAt]
	event[flagsAt] &^= 1 // a file that is being written has this flag, and a checksum without it
	binary.LittleEndian.PutUint32(event[len(body):], crc32.ChecksumIEEE(body))
	event[flagsAt] = flags
	return p, nil
}
