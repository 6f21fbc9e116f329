package primary

import "github.com/octant-db/octant/relay"

// foreign is the refusal of a log that no replica can be served: its entries are not those of the relay's dialect, but of an engine that
// has no binlog. nil: it can be served, or nothing is in it yet. All entries of a log are of one engine: capture refuses another one.
func (s *Server) foreign() error {
	if len(s.cfg.Renditions) > 0 {
		return nil
	}
	log := s.cfg.Log.Local()
	last := relay.LSN(log.Last())
	if last == 0 || uint64(last) < log.First() {
		return nil
	}
	e, _, err := log.Entry(last)
	if err != nil {
		return errUnreadable("its log", err)
	}
	if own := s.dialect.flavour(); e.Flavour != own {
		return errForeignLog(e.Flavour, own)
	}
	return nil
}

// errForeignLog tells a replica's operator what stands in the log instead.
func errForeignLog(log, served relay.Flavour) error {
	return fatal("This relay's log is that of a %s database, and holds no %s binary log that a replica could read. Point the replica at a relay of its own kind", log, served)
}
