package capture

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

var _ relay.Source = (*Source)(nil)

// Source reads one server's binary log.
type Source struct {
	config  Config
	dialect dialect // nil: of a flavour that this package does not know
	tables  *binlog.TableCache
	known   map[string]*table // by description

	// until is where the log ended when this database was met for the first time. What stands before it is history.
	until place
	begun relay.Begun // until is known
	// torn is the position at which a dump found that its file has nothing whole any more.
	torn relay.Position

	mu  sync.Mutex
	ack *acknowledger // of the running capture, if the server waits for us
}

// New returns a source. It does not connect.
func New(c Config) *Source {
	s := &Source{config: c.withDefaults(), dialect: dialectOf(c.Flavour), known: map[string]*table{}}
	if s.dialect != nil {
		s.tables = s.dialect.tables()
	}
	return s
}

// Begun returns once the source knows where the log begins for it: what is committed from then on is not history. If that takes long it
// returns an error.
func (s *Source) Begun(ctx context.Context) error { return s.begun.Wait(ctx) }

// Capture implements relay.Source. Only one may run at a time.
func (s *Source) Capture(ctx context.Context, from relay.Position, rec relay.Recorder) error {
	err := s.capture(ctx, from, rec)
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("capture: %w", cause)
	}
	return err
}

func (s *Source) capture(ctx context.Context, from relay.Position, rec relay.Recorder) error {
	c, err := s.connect(ctx)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer c.close()
	begin, err := s.begin(c, from)
	if err != nil {
		return err
	}
	s.begun.Begin()
	if err := c.register(s.dialect, &s.config); err != nil {
		return fmt.Errorf("register as a replica: %w", err)
	}
	packets, err := c.dump(&s.config, s.dialect.dumpFlags(), begin.at)
	if err != nil {
		return fmt.Errorf("ask for the binlog: %w", err)
	}
	defer s.acknowledgeTo(c)()
	s.config.Logger.Info("capture started", "server", c.version, "file", begin.at.file, "offset", begin.at.offset,
		"semi_sync", c.semiSync)
	st := newStream(s, begin, rec)
	st.last = from
	err = st.run(packets)
	if errors.Is(err, errTornTail) {
		s.torn = st.last
	}
	return err
}

func (s *Source) connect(ctx context.Context) (*connection, error) {
	if err := s.config.validate(); err != nil {
		return nil, err
	}
	return connect(ctx, s.dialect, &s.config)
}

// acknowledgeTo makes Durable speak to the connection until the returned function is called.
func (s *Source) acknowledgeTo(c *connection) (stop func()) {
	if !c.semiSync {
		return func() {}
	}
	s.mu.Lock()
	s.ack = &acknowledger{conn: c.raw(), server: c.server}
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		s.ack = nil
		s.mu.Unlock()
	}
}

// wantAck notes that the server holds a commit back until we have everything up to the place on disk.
func (s *Source) wantAck(at place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ack != nil {
		s.ack.want(at)
	}
}

// Durable implements relay.Source. A server that was told to wait for us may let its clients go on.
func (s *Source) Durable(position relay.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ack == nil {
		return
	}
	p, err := binlog.ParsePosition(string(position))
	if err != nil {
		s.config.Logger.Error("acknowledge to the database", "error", err)
		return
	}
	if p.Server != s.ack.server {
		return // it was another server's that this one has replaced
	}
	if err := s.ack.durable(place{file: p.File, offset: p.Offset}); err != nil {
		s.config.Logger.Warn("acknowledge to the database", "error", err)
		s.ack = nil
	}
}

// errEnded is what the end of a dump gives that nobody asked to end.
var errEnded = errors.New("the database ended the dump")
