package segment

import "io"

// ParseItem takes the first item of b apart.
func ParseItem(b []byte) (Item, error) { return parseItem(b) }

// Whole tells whether b begins with a whole frame.
func Whole(b []byte) bool {
	_, ok := whole(b)
	return ok
}

// ReadIndex reads all of an index file.
func ReadIndex(f io.ReaderAt) error {
	x, err := readSealed(f)
	if err != nil {
		return err
	}
	if _, err := x.read(f); err != nil {
		return err
	}
	_, _, err = x.floorKey(f, "g", "g5", 1<<63)
	return err
}

// Sealed returns a frame as it is written.
func (f *Frame) Sealed(group uint64) []byte { return f.seal(group) }
