package segment

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// ErrKey says that a file was written with another key, or with none, or that there is one missing.
var ErrKey = errors.New("the key of the relay log is not the one that it was written with")

// Every file begins with a head in the clear: what it is, its number, and with what it is enciphered.
const (
	magicSize = 8
	nonceSize = aes.BlockSize
	checkSize = 8
	sumSize   = 4
	headSize  = magicSize + 8 + 8 + nonceSize + checkSize + sumSize
)

// Cipher enciphers files, each with AES-256 in counter mode under a nonce of its own. No place of a file is ever written twice with different
// content. It keeps the content secret; whether somebody changed it, it does not tell.
type Cipher struct{ block cipher.Block }

// NewCipher takes a key of 32 bytes. No bytes: nothing is enciphered, and the cipher is nil.
func NewCipher(key []byte) (*Cipher, error) {
	if len(key) == 0 {
		return nil, nil
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("the key of the relay log has %d bytes: give it 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return &Cipher{block}, nil
}

// newHead makes the head of a new file.
func (c *Cipher) newHead(magic string, number, after uint64) []byte {
	head := binary.BigEndian.AppendUint64([]byte(magic), number)
	head = binary.BigEndian.AppendUint64(head, after)
	nonce, check := make([]byte, nonceSize), make([]byte, checkSize)
	if c != nil {
		rand.Read(nonce)           //nolint:errcheck // never fails
		clear(nonce[nonceSize-8:]) // the counter
		check = c.check(nonce)
	}
	head = append(append(head, nonce...), check...)
	return binary.BigEndian.AppendUint32(head, crc32.Checksum(head, castagnoli))
}

// check tells two keys apart without telling anything of them.
func (c *Cipher) check(nonce []byte) []byte {
	out := bytes.Repeat([]byte{0xff}, aes.BlockSize)
	copy(out, nonce[:8])
	c.block.Encrypt(out, out)
	return out[:checkSize]
}

// file is a file's content behind the head.
type content struct {
	after  uint64 // the group before its first one
	f      io.ReaderAt
	cipher *Cipher // nil: in the clear
	nonce  []byte
}

// open looks at the head of a file.
func (c *Cipher) open(f io.ReaderAt, magic string, number uint64) (content, error) {
	head := make([]byte, headSize)
	if _, err := f.ReadAt(head, 0); err != nil {
		return content{}, err
	}
	whole := binary.BigEndian.Uint32(head[headSize-sumSize:]) == crc32.Checksum(head[:headSize-sumSize], castagnoli)
	if !whole || string(head[:magicSize]) != magic || binary.BigEndian.Uint64(head[magicSize:]) != number {
		return content{}, fmt.Errorf("it does not begin like file %d: %w", number, errTorn)
	}
	after := binary.BigEndian.Uint64(head[magicSize+8:])
	nonce, check := head[magicSize+16:][:nonceSize], head[headSize-sumSize-checkSize:][:checkSize]
	plain := bytes.Equal(check, make([]byte, checkSize))
	switch {
	case plain && c == nil:
		return content{after: after, f: f}, nil
	case plain || c == nil || !bytes.Equal(check, c.check(nonce)):
		return content{}, ErrKey
	}
	return content{after: after, f: f, cipher: c, nonce: nonce}, nil
}

// ReadAt implements io.ReaderAt. Offsets count from the file's beginning.
func (c content) ReadAt(b []byte, offset int64) (int, error) {
	n, err := c.f.ReadAt(b, offset)
	c.convert(b[:n], offset)
	return n, err
}

// convert enciphers what is to stand at the offset, or deciphers what stands there.
func (c content) convert(b []byte, offset int64) {
	if c.cipher == nil || len(b) == 0 {
		return
	}
	iv := bytes.Clone(c.nonce)
	binary.BigEndian.PutUint64(iv[nonceSize-8:], uint64(offset/aes.BlockSize))
	stream := cipher.NewCTR(c.cipher.block, iv)
	if skip := offset % aes.BlockSize; skip > 0 {
		var lost [aes.BlockSize]byte
		stream.XORKeyStream(lost[:skip], lost[:skip])
	}
	stream.XORKeyStream(b, b)
}
