package join

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// spool is a file without a name, which is gone when it is closed or the process ends. It is enciphered with a key that is nowhere else: it holds rows.
type spool struct {
	id    string
	file  *os.File
	block cipher.Block
	out   *bufio.Writer
	size  int64
}

func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, "join-")
	if err != nil {
		return nil, fmt.Errorf("make a file for a region that joins: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("make a file for a region that joins: %w", err)
	}
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails: see crypto/rand
	block, err := aes.NewCipher(key[:])
	if err != nil {
		f.Close()
		return nil, err
	}
	s := &spool{file: f, block: block}
	s.out = bufio.NewWriterSize(cipher.StreamWriter{S: s.from(0), W: f}, 256<<10)
	return s, nil
}

// from is the key stream from an offset on, a multiple of the block's size.
func (s *spool) from(offset int64) cipher.Stream {
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[8:], uint64(offset/aes.BlockSize))
	return cipher.NewCTR(s.block, counter[:])
}

func (s *spool) append(b []byte) error {
	n, err := s.out.Write(b)
	s.size += int64(n)
	return err
}

func (s *spool) flush() error { return s.out.Flush() }

// read returns at most limit bytes from an offset on, none at the end.
func (s *spool) read(offset int64, limit int) ([]byte, error) {
	if offset < 0 || offset > s.size {
		return nil, errors.New("read what is kept for a region that joins: there is no such place")
	}
	start := offset - offset%aes.BlockSize
	b := make([]byte, min(int64(limit)+offset-start, s.size-start))
	if _, err := s.file.ReadAt(b, start); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read what is kept for a region that joins: %w", err)
	}
	s.from(start).XORKeyStream(b, b)
	return b[offset-start:], nil
}

func (s *spool) close() { _ = s.file.Close() }
