package demo

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/pgserver"
)

// show is one demo under way.
type show struct {
	options Options
	screen  *screen
	began   time.Time
	bed     *testenv.Bed
	writers []*writer
	gauges  []*gauge
	// databases are the regions', if the shop is the common one.
	databases []database

	mu     sync.Mutex
	states []string // by region: what was done to it
	maxLag time.Duration
}

func (s *show) say(format string, args ...any) { s.screen.say(fmt.Sprintf(format, args...)) }

// run tells the story.
func (s *show) run(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	s.say("Ready after %.1f s. Every region is writable.", time.Since(s.began).Seconds())
	if err := s.write(ctx); err != nil {
		return err
	}
	same, err := s.converge(ctx)
	if err != nil {
		return err
	}
	if s.options.Keep {
		s.howToConnect()
		<-ctx.Done()
	}
	if !same {
		return ErrDiffer
	}
	return nil
}

func (s *show) prepare(ctx context.Context) error {
	s.states = make([]string, len(s.bed.Regions))
	for _, r := range s.bed.Regions {
		if err := s.prepareWriter(ctx, r); err != nil {
			return err
		}
		g, err := newGauge(r.Relay, s.bed.Password)
		if err != nil {
			return err
		}
		s.gauges = append(s.gauges, g)
	}
	return nil
}

func (s *show) prepareWriter(ctx context.Context, r *testenv.Region) error {
	if !s.common() {
		s.writers = append(s.writers, newWriter(r.Site()))
		return nil
	}
	db, err := openDatabase(ctx, r)
	if err != nil {
		return err
	}
	s.databases = append(s.databases, db)
	w := newWriter(testenv.Site{Name: r.Name, ID: r.ID})
	shopper := newShopper(w, r.Engine)
	w.write = func(ctx context.Context) (int64, error) { return db.run(ctx, shopper.transaction()) }
	s.writers = append(s.writers, w)
	return nil
}

func (s *show) closeGauges() {
	for _, db := range s.databases {
		db.close()
	}

	for _, g := range s.gauges {
		_ = g.db.Close() // only read from
	}
}

// write lets all applications write while things go wrong around them.
func (s *show) write(ctx context.Context) error {
	s.say("")
	s.say("Now an application in each region writes, for %.0f s. All of them update and delete the same %d rows of shop.stock, so that",
		s.options.Writing.Seconds(), hotItems)
	s.say("regions change one row within milliseconds of each other: those are the conflicts, and the later write wins everywhere.")
	s.say("")
	stop := startWriting(ctx, s.writers, pace(len(s.writers), runtime.NumCPU()))
	watching, stopWatching := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { s.watch(watching) })
	err := s.trouble(ctx)
	err = errors.Join(err, stop())
	stopWatching()
	watcher.Wait()
	return err
}

// trouble is what happens while the applications write. The times are parts of the whole.
func (s *show) trouble(ctx context.Context) error {
	part := func(hundredths int) error { return wait(ctx, s.options.Writing*time.Duration(hundredths)/100) }
	if err := part(25); err != nil {
		return err
	}
	away := len(s.bed.Regions) - 1
	s.cut(away)
	if err := part(30); err != nil {
		return err
	}
	s.heal(away)
	if err := part(15); err != nil {
		return err
	}
	if err := s.kill(1); err != nil {
		return err
	}
	if err := part(10); err != nil {
		return err
	}
	if err := s.restart(1); err != nil {
		return err
	}
	return part(20)
}

func (s *show) cut(i int) {
	r := s.bed.Regions[i]
	s.bed.Network.Isolate(r.Name, testenv.Cut)
	s.mark(i, "cut off")
	s.say("Region %s is cut off from all others. Its application does not notice and goes on writing: nobody waits for a far region.", r.Name)
}

func (s *show) heal(i int) {
	r := s.bed.Regions[i]
	s.bed.Network.Rejoin(r.Name)
	s.mark(i, "")
	s.say("Region %s is connected again. Both sides now get what they missed, and each row keeps its latest version.", r.Name)
}

func (s *show) kill(i int) error {
	r := s.bed.Regions[i]
	if err := r.Relay.Kill(); err != nil {
		return err
	}
	s.mark(i, "relay killed")
	s.say("The relay of region %s is killed with SIGKILL, in the middle of its work. Its database and application go on.", r.Name)
	return nil
}

func (s *show) restart(i int) error {
	r := s.bed.Regions[i]
	if err := r.Relay.Start(); err != nil {
		return err
	}
	s.mark(i, "")
	s.say("The relay of region %s is started again. What it had acknowledged was on disk: it goes on at the same transaction.", r.Name)
	return nil
}

func (s *show) mark(i int, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states[i] = state
}

// patience is how long convergence may take before the demo calls it a failure.
const patience = 60 * time.Second

// converge waits until all regions are identical, by reading them, and reports.
func (s *show) converge(ctx context.Context) (same bool, err error) {
	s.say("")
	how, look := "byte for byte", testenv.Oracle{Sites: s.bed.Sites(), Databases: []string{"shop"}, ShowValues: true}.WaitIdentical
	if s.common() {
		how, look = "value by value", s.awaitSame
	}
	s.say("The applications have stopped. Reading all tables of all regions until they are identical, %s.", how)
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	took, diff, err := look(waiting)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err != nil && len(diff.Tables)+len(diff.Schema) == 0 {
		return false, err
	}
	s.report(ctx, took, diff)
	return diff.Identical(), nil
}

func (s *show) report(ctx context.Context, took time.Duration, diff testenv.Diff) {
	s.say("")
	for _, text := range columns(append(s.rowTable(diff), s.conflictCounts(ctx)...)) {
		s.say("%s", text)
	}
	s.say("")
	s.say("Each region has on record the writes that were lost there, so that their numbers differ: docs/conflicts.md says why.")
	var rows int64
	for _, w := range s.writers {
		rows += w.rows.Load()
	}
	s.say("Rows changed by the applications: %d. Greatest lag seen while writing, cut and kill included: %s.", rows, seconds(s.greatestLag()))
	if !diff.Identical() {
		s.say("After %s the regions DIFFER:", seconds(took))
		s.say("%s", strings.TrimRight(diff.String(), "\n"))
		return
	}
	s.say("Time to converge after the last write: %s.", seconds(took))
	s.say("")
	s.say("IDENTICAL: all %d regions hold the same %d tables. The demo took %.0f s.",
		len(s.bed.Regions), len(diff.Tables), time.Since(s.began).Seconds())
}

// rowTable has a line for each table.
func (s *show) rowTable(diff testenv.Diff) [][]string {
	header := []string{"rows in"}
	for _, r := range s.bed.Regions {
		header = append(header, r.Name)
	}
	table := [][]string{header}
	for _, t := range diff.Tables {
		cells := []string{t.Table}
		for _, n := range t.Rows {
			cells = append(cells, fmt.Sprint(n))
		}
		table = append(table, cells)
	}
	return table
}

// conflictCounts asks every relay, by SQL, what it has on record of conflicts.
func (s *show) conflictCounts(ctx context.Context) [][]string {
	var table [][]string
	for _, count := range onRecord {
		cells := []string{count.what}
		for _, g := range s.gauges {
			cell := "?"
			if n, err := scalar(ctx, g.db, count.query); err == nil {
				cell = fmt.Sprint(n)
			}
			cells = append(cells, cell)
		}
		table = append(table, cells)
	}
	return table
}

func (s *show) greatestLag() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.maxLag
}

// client is how people get into a region's database.
func client(r *testenv.Region) string {
	if r.Postgres != nil {
		return "psql " + r.Postgres.URL(pgserver.Super, pgserver.Database)
	}
	return fmt.Sprintf("mariadb --socket=%s --user=root shop", r.Server.Socket())
}

func (s *show) howToConnect() {
	s.say("")
	s.say("Everything keeps running until Ctrl-C. Connect with:")
	for _, r := range s.bed.Regions {
		s.say("  region %s  database  %s", r.Name, client(r))
		s.say("            relay     mariadb --host=127.0.0.1 --port=%s --user=%s --password=%s octant",
			r.Relay.Addr()[strings.LastIndexByte(r.Relay.Addr(), ':')+1:], testenv.AdminUser, s.bed.Password)
		s.say("            console   http://%s/ as %s with the same password; metrics at /metrics", r.Relay.HTTPAddr(), testenv.AdminUser)
	}
	s.say("For example: SELECT region, state, lag_ms FROM octant.peers;  or  octant status --watch --config %s", s.bed.Regions[0].Relay.ConfigFile())
}
