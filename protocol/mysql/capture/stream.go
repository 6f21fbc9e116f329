package capture

import (
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// stream follows one dump: it knows where in which file the next event stands.
type stream struct {
	source   *Source
	rec      relay.Recorder
	at       place // where the next stored event begins
	mute     place // what begins before it in its file was stored before
	journal  journal
	end      place  // of the log when we connected; zero once we got there
	entered  bool   // the dump has named its first file
	format   bool   // the format description of this connection and file has come
	rotateTo string // the file that the last real ROTATE named
	group    group
	awaited  bool // the server waits until the transaction is durable here
	problems problems
	last     relay.Position // of the last entry
}

func newStream(s *Source, b beginning, rec relay.Recorder) *stream {
	st := &stream{source: s, rec: rec, at: b.at, mute: b.mute, journal: b.journal, end: b.end}
	st.group.stream = st
	return st
}

// run reads events until something fails, which ends up in the error.
func (s *stream) run(p *packets) error {
	for {
		event, wait, err := p.event()
		if err != nil {
			return fmt.Errorf("capture at %s: %w", s.at, err)
		}
		if err := s.event(event, wait); err != nil {
			return fmt.Errorf("capture at %s: %w", s.at, err)
		}
	}
}

// event takes one event as it came. It is not kept.
func (s *stream) event(event []byte, wait bool) error {
	h, err := binlog.VerifyChecksum(event)
	if err != nil {
		return err
	}
	switch {
	case h.Type == binlog.HeartbeatEvent:
		return s.heartbeat(uint64(h.LogPos), uint64(uint32(s.at.offset)))
	case h.Type == binlog.HeartbeatV2Event:
		return s.heartbeatV2(event)
	case h.Type == binlog.RotateEvent && h.Artificial():
		return s.enter(event)
	case !s.entered:
		return fmt.Errorf("an event of type %d comes before the name of its file: %w", h.Type, binlog.ErrMalformed)
	case h.Type == binlog.FormatDescriptionEvent:
		return s.formatDescription(h, event)
	case !s.format:
		return fmt.Errorf("an event of type %d comes before the file's format description: %w", h.Type, binlog.ErrMalformed)
	case h.Artificial():
		return nil
	}
	return s.stored(h, event, wait)
}

// enter follows the dump to where the next event stands: to the beginning first, then to each next file.
func (s *stream) enter(event []byte) error {
	r, err := binlog.ParseRotate(event)
	if err != nil {
		return err
	}
	to := place{r.File, r.Offset}
	switch {
	case to == s.at:
	case !s.entered:
		return fmt.Errorf("the dump begins at %s: %w", to, binlog.ErrMalformed)
	default:
		if err := s.nextFile(to); err != nil {
			return err
		}
	}
	s.entered, s.format = true, false
	return nil
}

// nextFile goes from the end of a file to the next. A server that crashed left no ROTATE there, and perhaps the beginning
// of a group that its recovery took back; it stands in the file, and counts for nothing.
func (s *stream) nextFile(to place) error {
	known := s.rotateTo == to.file || s.rotateTo == "" && fileBefore(s.at.file, to.file)
	if !known || to.offset != firstOffset {
		return diverged("after %s the dump goes on at %s", s.at, to)
	}
	if s.group.open {
		s.source.config.Logger.Warn("the database crashed in the middle of a transaction, which it rolled back",
			"file", s.at.file, "offset", s.group.start)
		if err := s.group.torn(); err != nil {
			return err
		}
	}
	s.at, s.rotateTo = to, ""
	return nil
}

// formatDescription is in the file only if it is the first event there; else the server made it for the connection.
func (s *stream) formatDescription(h binlog.Header, event []byte) error {
	f, err := binlog.ParseFormat(event)
	if err != nil {
		return err
	}
	if f.Checksum != binlog.ChecksumCRC32 {
		return noChecksum("NONE")
	}
	s.format = true
	if s.at.offset == firstOffset {
		return s.stored(h, event, false)
	}
	return s.arrived()
}

// stored takes an event that stands in the file.
func (s *stream) stored(h binlog.Header, event []byte, wait bool) error {
	next := s.at.offset + uint64(h.Size)
	if h.LogPos != 0 && h.LogPos != uint32(next) {
		return fmt.Errorf("an event of type %d ends at %d and not at %d: events are missing: %w", h.Type, h.LogPos, uint32(next),
			binlog.ErrMalformed)
	}
	begin := s.at.offset
	s.at.offset = next
	if wait {
		s.awaited = true
		s.source.wantAck(s.at)
	}
	return s.group.add(h, event, begin)
}

func (s *stream) heartbeatV2(event []byte) error {
	at, err := binlog.ParseHeartbeatV2(event)
	if err != nil {
		return err
	}
	return s.heartbeat(at.Offset, s.at.offset)
}

// heartbeat says that the server has sent everything up to an offset, 0 if it does not say up to which. We have up to have.
func (s *stream) heartbeat(sent, have uint64) error {
	if sent != 0 && s.format && sent != have {
		return fmt.Errorf("the database has sent everything up to %d, and we have %d: events are missing: %w", sent, have, binlog.ErrMalformed)
	}
	if s.group.open || !s.format {
		return nil
	}
	s.end = place{}
	return s.rec.CaughtUp()
}

// commit ends an entry that began at the offset, with everything before s.at in it.
func (s *stream) commit(c relay.Captured, begin uint64) error {
	c.Flavour = s.source.dialect.flavour()
	at := s.journal.position()
	if at.Epoch > 0 {
		c.Keys = append(c.Keys, binlog.EpochKey(at.Epoch, s.at.file, begin))
	}
	c.Keys = append(c.Keys, binlog.PositionKey(s.at.file, begin))
	at.File, at.Offset = s.at.file, s.at.offset
	if until := s.source.until; s.at.before(until) {
		at.HistoryFile, at.HistoryOffset = until.file, until.offset
	}
	c.Patient, s.awaited = c.Kind == relay.Applied && !c.Mark.Repair() && !s.awaited, false
	c.Position = relay.Position(at.String())
	s.last = c.Position
	if err := s.rec.Commit(c); err != nil {
		return err
	}
	return s.arrived()
}

// arrived tells, once, that we got to where the log ended when we connected.
func (s *stream) arrived() error {
	if s.end == (place{}) || s.at.before(s.end) {
		return nil
	}
	s.end = place{}
	return s.rec.CaughtUp()
}
