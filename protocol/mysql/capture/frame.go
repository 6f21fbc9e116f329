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
	if err := s.rec.Append(event); err != nil {
		return err
	}
	return s.commit(relay.Captured{Kind: relay.Frame}, begin)
}

func (s *stream) readFrame(h binlog.Header, event []byte) error {
	switch h.Type {
	case binlog.FormatDescriptionEvent, binlog.StopEvent, binlog.BinlogCheckpointEvent, binlog.IgnorableEvent:
		return nil
	case binlog.RotateEvent:
		r, err := binlog.ParseRotate(event)
		s.rotateTo = r.File
		return err
	case binlog.GTIDListEvent:
		return s.gtidList(event)
	case binlog.IncidentEvent:
		s.rec.Report(incident(s.at))
		return nil
	}
	if h.Flags&binlog.FlagIgnorable != 0 {
		return nil
	}
	return fmt.Errorf("an event of type %d stands outside of any group: %w", h.Type, binlog.ErrUnknownEvent)
}

// gtidList compares what the server says comes before a file with what we have read. It may have forgotten a domain (FLUSH
// BINARY LOGS DELETE_DOMAIN_ID); then so do we.
func (s *stream) gtidList(event []byte) error {
	list, err := binlog.ParseGTIDList(event)
	if err != nil {
		return err
	}
	there := binlog.Set{}
	for _, g := range list {
		there.Add(g)
	}
	for _, g := range there {
		if len(s.gtids) > 0 && s.gtids[g.Domain] != g {
			return diverged("%s begins after transaction %s, and the relay had read %q before it", s.at.file, g, s.gtids)
		}
	}
	s.gtids = there
	return nil
}
