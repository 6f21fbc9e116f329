package apply

// Bounds of what travels in one round trip.
const (
	// scriptTarget is how much text a round trip carries before it is sent.
	scriptTarget = 1 << 20
	// packetRoom is what a statement's packet needs beside its text: the header that go-mysql writes in place, and the command.
	packetRoom = 5
)

// script is a list of statements that travel in one round trip. The server stops at the first that fails.
type script struct {
	packet []byte // packetRoom bytes, then the statements with semicolons between them
	steps  []step
}

// step says what a statement of a script does.
type step struct {
	op    string
	table string
	kind  stepKind
}

type stepKind uint8

const (
	plainStep stepKind = iota
	markStep           // writes the mark: must change a row
	rowsStep           // a BINLOG statement: 1062 and 1032 mean presence
	commitStep
)

func (s *script) reset() {
	const keep = 4 << 20
	if cap(s.packet) > keep {
		s.packet = nil
	}
	s.packet, s.steps = s.packet[:0], s.steps[:0]
}

// begin makes room for a statement and returns the buffer to append it to; end takes it back.
func (s *script) begin() []byte {
	if len(s.packet) == 0 {
		return append(s.packet, 0, 0, 0, 0, 3) // COM_QUERY
	}
	return append(s.packet, ';')
}

func (s *script) end(packet []byte, st step) {
	s.packet = packet
	s.steps = append(s.steps, st)
}

func (s *script) add(st step, text string) { s.end(append(s.begin(), text...), st) }

// size is how many bytes of statements are waiting.
func (s *script) size() int { return len(s.packet) }

// commits tells whether the script ends with COMMIT.
func (s *script) commits() bool {
	return len(s.steps) > 0 && s.steps[len(s.steps)-1].kind == commitStep
}
