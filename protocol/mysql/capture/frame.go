package capture

import (
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// frame takes an event that stands outside of groups.
func (s *stream) frame(h binlog.Header, event []byte, begin uint64) error {
	if err := s.readFrame(h, event); err != nil {
		return err
	}
	if s.muted(begin) {
		return nil
	}
	if err := s.rec.Append(event); err != nil {
		return err
	}
	return s.commit(relay.Captured{Kind: relay.Frame}, begin)
}

// muted tells whether what begins at an offset of the current file was stored before.
func (s *stream) muted(begin uint64) bool { return s.mute.file == s.at.file && begin < s.mute.offset }

func (s *stream) readFrame(h binlog.Header, event []byte) error {
	switch h.Type {
	case binlog.FormatDescriptionEvent, binlog.StopEvent, binlog.IgnorableEvent:
		return nil
	case binlog.RotateEvent:
		r, err := binlog.ParseRotate(event)
		s.rotateTo = r.File
		return err
	case binlog.IncidentEvent:
		s.rec.Report(incident(s.at))
		return nil
	}
	if known, err := s.journal.frame(h, event, s.at.file); known || err != nil {
		return err
	}
	if h.Flags&binlog.FlagIgnorable != 0 {
		return nil
	}
	return fmt.Errorf("an event of type %d stands outside of any group: %w", h.Type, binlog.ErrUnknownEvent)
}
