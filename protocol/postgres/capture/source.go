package capture

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pglogrepl"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// Source reads one database's log. Make it with New. Capture runs once at a time; Durable may be called at any time.
type Source struct {
	config  Config
	durable atomic.Uint64 // an LSN
	wake    chan struct{} // durable has risen
	begun   relay.Begun   // the slot stands
}

var _ relay.Source = (*Source)(nil)

// New returns a source that is not connected yet.
func New(c Config) (*Source, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Source{config: c, wake: make(chan struct{}, 1)}, nil
}

// Begun returns once the replication slot stands: what is committed from then on is captured. If that takes long it returns an error.
func (s *Source) Begun(ctx context.Context) error { return s.begun.Wait(ctx) }

// Durable implements relay.Source. The position is acknowledged soon after.
func (s *Source) Durable(position relay.Position) {
	p, err := parsePlace(position)
	if err != nil {
		return
	}
	s.durable.Store(uint64(p.lsn))
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// lockWait is how long the application's locks on a table are waited for: the log must go on being read.
const lockWait = "2s"

// Capture implements relay.Source.
func (s *Source) Capture(ctx context.Context, from relay.Position, rec relay.Recorder) error {
	control, err := connect.Open(ctx, s.config.connect("octant capture"), map[string]string{"lock_timeout": lockWait})
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	defer control.End()
	log, err := connect.OpenReplication(ctx, s.config.connect(s.config.Slot))
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	b := beginning{source: s, control: control, log: log, rec: rec}
	at, err := b.find(ctx, from)
	if err != nil {
		log.End()
		return fmt.Errorf("capture: %w", err)
	}
	s.begun.Begin()
	first := at
	if b.proof != nil {
		first.lsn = b.proof.from
	}
	s.durable.Store(uint64(first.lsn))
	l, err := s.start(ctx, log, first)
	if err != nil {
		log.End()
		return fmt.Errorf("capture: %w", err)
	}
	st := newStream(s, rec, control, at, b.end)
	st.publication, st.proof = b.publication, b.proof
	err = l.run(ctx, st)
	return fmt.Errorf("capture at %s: %w", pglogrepl.LSN(st.at.lsn), err)
}

// ServerInfo is what a server says of itself.
type ServerInfo struct {
	Version string // as server_version says
	Number  int    // as server_version_num says
	System  string // the cluster's system identifier
}

// ServerInfo asks the server who it is.
func (s *Source) ServerInfo(ctx context.Context) (ServerInfo, error) {
	c, err := connect.Open(ctx, s.config.connect("octant"), nil)
	if err != nil {
		return ServerInfo{}, err
	}
	defer c.End()
	rows, err := c.Query(ctx, "ask the server who it is", `SELECT pg_catalog.current_setting('server_version'),
 pg_catalog.current_setting('server_version_num'), (SELECT system_identifier FROM pg_catalog.pg_control_system())`)
	if err != nil {
		return ServerInfo{}, err
	}
	info := ServerInfo{Version: string(rows[0][0]), System: string(rows[0][2])}
	_, err = fmt.Sscan(string(rows[0][1]), &info.Number)
	return info, err
}
