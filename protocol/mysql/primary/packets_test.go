package primary_test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/protocol/mysql/primary"
)

// sluggish takes so many bytes, then no more for one write, then everything.
type sluggish struct {
	net.Conn
	takes int
	stuck bool
	got   bytes.Buffer
}

func (s *sluggish) Write(b []byte) (int, error) {
	if s.stuck || len(b) <= s.takes {
		s.takes -= len(b)
		return s.got.Write(b)
	}
	s.stuck = true
	s.got.Write(b[:s.takes])
	return s.takes, os.ErrDeadlineExceeded
}

func (*sluggish) SetWriteDeadline(time.Time) error { return nil }

// Wherever a write is cut, the client either reads whole packets and then the last one, with numbers in order, or the connection is of no
// use any more and gets nothing.
func TestLastPacketAfterCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(19, 300), rapid.IntRange(250<<10, 270<<10)), 1, 60).Draw(t, "events")
		if rapid.IntRange(0, 20).Draw(t, "huge") == 0 {
			sizes = append(sizes, 1<<24+5, 40)
		}
		total := 0
		for _, n := range sizes {
			total += n + 5
		}
		s := &sluggish{takes: rapid.IntRange(0, total).Draw(t, "takes")}
		acknowledge := rapid.Bool().Draw(t, "semi-sync")
		w := primary.NewPackets(s, acknowledge)
		write := w.Event
		if rapid.Bool().Draw(t, "shared") {
			w.Gathering()
			write = w.Shared
		}
		var err error
		for i, n := range sizes {
			if err = write(make([]byte, n), acknowledge && i%3 == 0); err != nil {
				break
			}
		}
		if err == nil {
			err = w.Flush()
		}
		if err == nil {
			return
		}
		before := s.got.Len()
		if err := w.Finish([]byte("\xffthe end")); err != nil {
			t.Fatal(err)
		}
		if s.got.Len() == before {
			return
		}
		last, ok := readPackets(s.got.Bytes(), acknowledge)
		if !ok || string(last) != "\xffthe end" {
			t.Errorf("the client reads %q at the end, in step: %v", last[:min(len(last), 20)], ok)
		}
	})
}

// readPackets reads payloads to the end and returns the last one. ok is false if a number is out of order or bytes are missing.
func readPackets(b []byte, semiSync bool) (last []byte, ok bool) {
	seq := byte(1)
	var payload []byte
	for len(b) > 0 {
		if len(b) < 4 {
			return last, false
		}
		n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
		if b[3] != seq || len(b) < 4+n {
			return last, false
		}
		seq++
		payload = append(payload, b[4:4+n]...)
		b = b[4+n:]
		if n == 1<<24-1 {
			continue
		}
		if semiSync && len(payload) > 2 && payload[0] == 0 && payload[2] == 1 {
			seq = 1
		}
		last, payload = payload, nil
	}
	return last, payload == nil
}

// Events that are sent from where they lie arrive as those that are copied do.
func TestSharedEventsArriveAsCopiedOnesDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 19, 40), 1, 40).Draw(t, "events")
		for i := range events {
			events[i] = bytes.Repeat(events[i], rapid.SampledFrom([]int{1, 50, 800, 7000}).Draw(t, "times"))
		}
		copied, shared := &sluggish{stuck: true}, &sluggish{stuck: true}
		one, other := primary.NewPackets(copied, false), primary.NewPackets(shared, false)
		other.Gathering()
		for i, event := range events {
			if err := errors.Join(one.Event(event, i%5 == 0), other.Shared(event, i%5 == 0)); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(one.Flush(), other.Flush()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(copied.got.Bytes(), shared.got.Bytes()) {
			t.Error("what arrives differs")
		}
	})
}
