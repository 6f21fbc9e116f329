package relaylog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/octant-db/octant/relay"
)

const (
	tailName  = "TAIL"
	tailMagic = "octant1 "
)

// tailFile remembers outside Badger how far the log had come. See the package comment.
type tailFile struct {
	file *os.File
	buf  []byte
}

// openTail opens the file and compares it with the log's last group.
func (db *DB) openTail() error {
	file, err := os.OpenFile(filepath.Join(db.dir, tailName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	db.tail = &tailFile{file: file}
	committed, err := db.committedGroup()
	if err != nil {
		return err
	}
	if seen := max(db.tail.read(), committed); seen > db.log.Group() {
		return fmt.Errorf("it ends at group %d, but group %d was acknowledged: its newest files are damaged or missing. "+
			"Restore them, or start with an empty data directory and let the relay fetch its stream from its peers: %w",
			db.log.Group(), seen, relay.ErrCorrupt)
	}
	return nil
}

// committedGroup is the last group that Badger has.
func (db *DB) committedGroup() (uint64, error) {
	payload, err := db.meta(groupName)
	switch {
	case errors.Is(err, relay.ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, err
	case len(payload) != 8:
		return 0, fmt.Errorf("group number has %d bytes: %w", len(payload), relay.ErrCorrupt)
	}
	return binary.BigEndian.Uint64(payload), nil
}

// read returns the number in the file, 0 if there is none that can be believed: the file itself is not synced.
func (t *tailFile) read() uint64 {
	buf := make([]byte, len(tailMagic)+8+crcSize)
	if _, err := io.ReadFull(t.file, buf); err != nil {
		return 0
	}
	n, err := unsealUint64([]byte(tailMagic), buf[len(tailMagic):])
	if err != nil || string(buf[:len(tailMagic)]) != tailMagic {
		return 0
	}
	return n
}

func (t *tailFile) write(group uint64) error {
	t.buf = binary.BigEndian.AppendUint64(append(t.buf[:0], tailMagic...), group)
	crc := checksum([]byte(tailMagic), t.buf[len(tailMagic):])
	_, err := t.file.WriteAt(binary.BigEndian.AppendUint32(t.buf, crc), 0)
	return err
}

func (t *tailFile) close() error { return t.file.Close() }
