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

// Keys are the keys of a growing segment.
type Keys struct{ keys }

// Add takes up a key of a record.
func (k *Keys) Add(key string, number uint64) { k.add(key, number) }

// Floor settles the keys and looks for one.
func (k *Keys) Floor(prefix, key string) (number uint64, found bool) {
	k.settle()
	p, found := k.floor(prefix, key, 1<<63)
	return p.number, found
}

// All returns all keys in order, and where they lead.
func (k *Keys) All() (names []string, numbers []uint64) {
	for _, p := range k.all() {
		names, numbers = append(names, p.key), append(numbers, p.number)
	}
	return names, numbers
}
