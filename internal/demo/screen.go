package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// screen prints lines that stay, and below them a board that is drawn again in place. Without a terminal there is no board.
type screen struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	drawn    int // lines of the board that now stand below
}

func newScreen(out io.Writer, terminal bool) *screen { return &screen{out: out, terminal: terminal} }

// say prints text that stays.
func (s *screen) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(s.erased() + text + "\n")
}

// draw replaces the board.
func (s *screen) draw(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminal {
		return
	}
	text := s.erased() + strings.Join(lines, "\n") + "\n"
	s.drawn = len(lines)
	s.write(text)
}

// keep lets the board stand as it is.
func (s *screen) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drawn = 0
}

// clear removes the board.
func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(s.erased())
}

// erased moves up over the board and clears from there to the end of the screen: see CUU and ED in ECMA-48.
func (s *screen) erased() string {
	if s.drawn == 0 {
		return ""
	}
	n := s.drawn
	s.drawn = 0
	return fmt.Sprintf("\x1b[%dA\x1b[0J", n)
}

func (s *screen) write(text string) {
	_, _ = io.WriteString(s.out, text) // who cannot be shown anything needs no error either
}
