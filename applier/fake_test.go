package applier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

const (
	self     = relay.Region(1)
	flavour  = relay.Flavour("test")
	patience = 2 * time.Minute
)

// eventually returns once ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(time.Millisecond); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

// hurried is a clock that runs twenty times as fast.
type hurried struct{ start time.Time }

func (c hurried) Now() time.Time                         { return c.start.Add(20 * time.Since(c.start)) }
func (c hurried) After(d time.Duration) <-chan time.Time { return time.After(d / 20) }

// A row's image is "id|unique|value". A native transaction is a line for each change: table, before and after, separated by tabs.

func tableOf(name string) *relay.Table {
	schema, table, _ := strings.Cut(strings.TrimPrefix(name, "~"), ".")
	is := flavour
	if strings.HasPrefix(name, "~") {
		is = foreign
	}
	described := &relay.Table{
		Schema: schema, Name: table, Flavour: is, Native: []byte(name), Key: []relay.KeyPart{{Column: 0}},
		Columns: []relay.Column{{Name: "id", Kind: relay.Text}, {Name: "u", Kind: relay.Text}, {Name: "v", Kind: relay.Text}},
		Unset: func(img relay.Image, columns []int) (relay.Image, error) {
			cells := strings.Split(string(img), "|")
			for _, i := range columns {
				cells[i] = ""
			}
			return relay.Image(strings.Join(cells, "|")), nil
		},
	}
	if table == following.Child.Table || table == following.Parent.Table {
		described.Plain, described.Composer = barred{}, barred{}
	}
	return described
}

func idOf(img relay.Image) string {
	id, _, _ := strings.Cut(string(img), "|")
	return id
}

func uniqueOf(img relay.Image) string {
	if img == nil {
		return ""
	}
	return strings.Split(string(img), "|")[1]
}

func line(table, before, after string) string { return table + "\t" + before + "\t" + after + "\n" }

const (
	definition = "definition"
	truncation = "truncation"
	stayed     = "=" // before an update of which the log says nothing but the new row
)

// truncate empties a table.
func truncate(table string) string { return line(truncation, table, "") }

// define makes a table; reason is why it is not carried.
func define(table, reason string) string { return line(definition, table, reason) }

func insert(row string) string           { return line("app.t", "", row) }
func update(before, after string) string { return line("app.t", before, after) }
func remove(row string) string           { return line("app.t", row, "") }
func parseTable(_ relay.Flavour, native []byte) (*relay.Table, error) {
	return tableOf(string(native)), nil
}

type decoder struct{}

var errMalformed = errors.New("malformed line")

func (decoder) Changes(body relay.Body) iter.Seq2[relay.Change, error] {
	return func(yield func(relay.Change, error) bool) {
		tables := make(map[string]*relay.Table)
		var rest []byte
		for piece, err := range body {
			if err != nil {
				yield(relay.Change{}, err)
				return
			}
			rest = append(rest, piece...)
			for {
				l, after, ok := bytes.Cut(rest, []byte("\n"))
				if !ok {
					break
				}
				c, err := parseLine(string(l), tables)
				if !yield(c, err) || err != nil {
					return
				}
				rest = after
			}
		}
	}
}

func parseLine(l string, tables map[string]*relay.Table) (relay.Change, error) {
	f := strings.Split(l, "\t")
	if len(f) != 3 {
		return relay.Change{}, errMalformed
	}
	if f[0] == truncation {
		schema, table, _ := strings.Cut(f[1], ".")
		return relay.Change{Op: relay.Statement, SQL: f[1], Definition: &relay.Definition{
			Verb: "TRUNCATE", Subject: f[1], Tables: []relay.TableName{{Schema: schema, Table: table}}, Empties: true,
		}}, nil
	}
	if f[0] == definition {
		schema, table, _ := strings.Cut(f[1], ".")
		return relay.Change{Op: relay.Statement, SQL: f[1], Definition: &relay.Definition{
			Verb: "CREATE TABLE", Subject: f[1], Tables: []relay.TableName{{Schema: schema, Table: table}}, Reason: f[2],
		}}, nil
	}
	if tables[f[0]] == nil {
		tables[f[0]] = tableOf(f[0])
	}
	c := relay.Change{Op: relay.Update, Table: tables[f[0]]}
	if f[1] == "" {
		c.Op = relay.Insert
	} else {
		c.Before = relay.Image(f[1])
	}
	if f[2] == "" {
		c.Op = relay.Delete
	} else {
		c.After = relay.Image(f[2])
	}
	if f[1] == stayed {
		c.Before, c.Stayed = relay.Image(idOf(c.After)+"||"), true
	}
	return c, nil
}

// database is tables with unique keys, a ledger, and a log that is captured the moment it is written.
type database struct {
	t testing.TB

	mu      sync.Mutex
	log     relay.Log
	state   relay.State
	tables  map[string]map[string]string // by name and id
	missing map[string]bool              // tables
	ledger  map[relay.Region]relay.Seq
	locks   map[string]*tx // rows and unique values; nil: an application's
	linger  []*tx          // commits of sessions that were lost
	lanes   map[int]*tx
	faults  []string
	commits []relay.Mark

	refuses  func(table, row string) error // what the relay writes; row is "" for a delete
	onDefine func(relay.Transaction, string) error
	onBegin  func(relay.Mark)
	onWrite  func(context.Context, relay.Mark) error
	onCommit func(relay.Mark) error // an error of kind errUnknownDone commits all the same
	trigger  func(relay.Mark) string
	logs     func(m relay.Mark, native string) string // what the log shows of what the relay wrote
	checks   map[string]error                         // what Check remembers
	missed   int                                      // times that Check found a table missing
	deafness bool                                     // what is written does not come back
	named    bool                                     // rows were named: see mayMeet

	lazy   bool     // commits of other regions' transactions are safe, and shown in the log, only when show is called or somebody else commits
	unsafe []func() // show the commits that are not safe
	safe   moment   // without them
}

// moment is what a crash goes back to.
type moment struct {
	tables map[string]map[string]string
	ledger map[relay.Region]relay.Seq
}

// show makes all commits safe, and captures them.
func (d *database) show() {
	list := d.unsafe
	d.unsafe = nil
	for _, show := range list {
		show()
	}
}

// crash takes back what is not safe, and ends all sessions.
func (d *database) crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.lanes {
		x.crashed = true
	}
	d.linger = nil
	if len(d.unsafe) == 0 {
		return
	}
	d.tables, d.ledger, d.unsafe = d.safe.tables, d.safe.ledger, nil
}

// doubt notes what a crash goes back to from now on, unless that is noted.
func (d *database) doubt() {
	if len(d.unsafe) > 0 {
		return
	}
	d.safe = moment{tables: make(map[string]map[string]string), ledger: maps.Clone(d.ledger)}
	for name, rows := range d.tables {
		d.safe.tables[name] = maps.Clone(rows)
	}
}

func newDatabase(t testing.TB) *database {
	return &database{
		t: t, tables: map[string]map[string]string{"app.t": {}}, missing: make(map[string]bool), ledger: make(map[relay.Region]relay.Seq),
		locks: make(map[string]*tx), lanes: make(map[int]*tx), checks: make(map[string]error),
	}
}

func (d *database) fault(format string, args ...any) {
	d.faults = append(d.faults, fmt.Sprintf(format, args...))
}

// set changes one row, and returns the line for the log, "" if nothing changes.
func (d *database) set(table, id, after string) string {
	before := d.tables[table][id]
	if before == after {
		return ""
	}
	if d.tables[table] == nil {
		d.tables[table] = make(map[string]string)
	}
	if d.tables[table][id] = after; after == "" {
		delete(d.tables[table], id)
	}
	return line(table, before, after)
}

// record captures a transaction.
func (d *database) record(kind relay.EntryKind, mark *relay.Mark, native string) {
	d.show()
	ctx := context.Background()
	w := d.log.Local().Begin(ctx)
	if err := w.Append([]byte(native)); err != nil {
		d.t.Error(err)
	}
	e, next := d.state.Next(self, relay.Captured{Kind: kind, Mark: mark, Physical: time.Now(), Flavour: flavour})
	if err := w.Commit(e, next); err != nil {
		d.t.Error(err)
	}
	d.state = next
}

// local commits an application's transaction: rows to write, or "-id" to delete. It gives up on a locked row.
func (d *database) local(rows ...string) bool { return d.localIn("app.t", rows...) }

func (d *database) localIn(table string, rows ...string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.localLocked(table, rows...)
}

func (d *database) localLocked(table string, rows ...string) bool {
	var native string
	for _, r := range rows {
		if d.locks[table+"/"+idOf(relay.Image(strings.TrimPrefix(r, "-")))] != nil {
			return false
		}
	}
	for _, r := range rows {
		if id, gone := strings.CutPrefix(r, "-"); gone {
			native += d.set(table, id, "")
		} else {
			native += d.set(table, idOf(relay.Image(r)), r)
		}
	}
	d.record(relay.Local, nil, native)
	return true
}

func (d *database) row(table, id string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tables[table][id]
}

// clock is that of the last entry of the log, end its number.
func (d *database) clock() relay.HLC {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state.HLC
}

func (d *database) end() relay.LSN {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state.LSN
}

func (d *database) check() {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.faults {
		d.t.Error(f)
	}
}

// hook sets hooks while the applier runs.
func (d *database) hook(set func(d *database)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	set(d)
}

// target is one relay's way to the database. A dead one has lost its sessions.
type target struct {
	d       *database
	dead    atomic.Bool
	applied atomic.Bool

	committed [relay.MaxRegions + 1]relay.Seq // by origin; the database's lock guards it
	lost      [relay.MaxRegions + 1]bool      // the database was found not to have it

	hugeBytes int64 // of the applier's configuration

	begun      map[relay.Mark]bool // whatever the lane; the database's lock guards it
	identified atomic.Int64        // images
	keyed      atomic.Bool         // the third column has a unique key
}

func (*target) Divides() bool { return true }

type retryable struct{ error }

func (retryable) Retryable() bool { return true }

var (
	errLockWait    = retryable{errors.New("lock wait timeout")}
	errGone        = retryable{errors.New("connection lost")}
	errUnknownDone = fmt.Errorf("it was committed: %w", relay.ErrOutcomeUnknown)
)

func (t *target) Begin(ctx context.Context, mark relay.Mark) (relay.Tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d := t.d
	d.mu.Lock()
	hook := d.onBegin
	d.mu.Unlock()
	if hook != nil {
		hook(mark)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.dead.Load() {
		return nil, errGone
	}
	if d.lanes[mark.Lane] != nil {
		d.fault("two transactions on lane %d", mark.Lane)
	}
	if !mark.Repair() && !t.applied.Load() {
		d.fault("began %v before the ledger was read", mark)
	}
	if !mark.Repair() && mark.Range.To <= d.ledger[mark.Origin] {
		return nil, relay.ErrApplied
	}
	if !mark.Repair() && d.ledger[mark.Origin] < t.committed[mark.Origin] {
		t.lost[mark.Origin] = true
		return nil, relay.ErrTailLost
	}
	x := &tx{t: t, mark: mark, again: t.again(mark), writes: make(map[string]relay.Write)}
	d.lanes[mark.Lane] = x
	return x, nil
}

// again tells whether a transaction has been begun before; the database's lock is held.
func (t *target) again(m relay.Mark) bool {
	m.Lane = 0
	before := t.begun[m]
	if t.begun == nil {
		t.begun = make(map[relay.Mark]bool)
	}
	t.begun[m] = true
	return before
}

func (t *target) Identify(_ context.Context, table *relay.Table, images []relay.Image) ([]relay.Identity, error) {
	list := make([]relay.Identity, len(images))
	t.identified.Add(int64(len(images)))
	for i, img := range images {
		list[i].Key = idOf(img)
		if t.keyed.Load() {
			list[i].Unique = []string{"v=" + strings.Split(string(img), "|")[2]}
		}
		if u := uniqueOf(img); u != "" {
			list[i].Unique = []string{"u=" + u}
		}
		family(table, img, &list[i])
	}
	return list, nil
}

func (t *target) Check(_ context.Context, table *relay.Table) error {
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	name := table.String()
	err, known := t.d.checks[name]
	if !known {
		if t.d.missing[name] {
			err = errors.New("it does not exist here")
			t.d.missed++
		}
		if err == nil && t.d.refuses != nil {
			err = whole(t.d.refuses(name, ""))
		}
		t.d.checks[name] = err
	}
	return err
}

// rejection is an error of a database that refuses a row.
type rejection relay.Rejection

func (r rejection) Error() string                      { return "the database says " + string(r.Reason) }
func (r rejection) Rejection() (relay.Rejection, bool) { return relay.Rejection(r), true }

// whole is the error if it is about a whole table.
func whole(err error) error {
	if r, ok := relay.Rejected(err); ok && r.Whole {
		return err
	}
	return nil
}

// Author writes as an application: a row's text stands for its JSON.
func (t *target) Author(_ context.Context, table *relay.Table, key relay.Image, row string) error {
	if t.d.row(table.String(), idOf(key)) == row {
		return errors.New("nothing has changed")
	}
	if row == "" {
		row = "-" + idOf(key)
	}
	if !t.d.localIn(table.String(), row) {
		return errLockWait
	}
	return nil
}

func (t *target) Stands(_ context.Context, table *relay.Table, key relay.Image, row string) (bool, error) {
	return t.d.row(table.String(), idOf(key)) == row, nil
}

// Define makes a table that was missing, or empties one.
func (t *target) Define(_ context.Context, from relay.Transaction, c relay.Change) (string, error) {
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	if t.d.onDefine != nil {
		if err := t.d.onDefine(from, c.SQL); err != nil {
			return "", err
		}
	}
	if c.Definition.Empties {
		clear(t.d.tables[c.SQL])
		t.d.record(relay.History, nil, truncate(c.SQL))
		return "", nil
	}
	delete(t.d.missing, c.SQL)
	return "", nil
}

func (t *target) Refresh() {
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	clear(t.d.checks)
}

func (t *target) Committed(_ context.Context, mark relay.Mark) (bool, error) {
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	if t.dead.Load() {
		return false, errGone
	}
	if mark.Repair() {
		return slices.ContainsFunc(t.d.commits, func(m relay.Mark) bool { return m.Nonce == mark.Nonce && m.Repair() }), nil
	}
	return t.d.ledger[mark.Origin] >= mark.Range.To, nil
}

// Applied waits for what earlier sessions had sent.
func (t *target) Applied(context.Context) ([]relay.SeqHLC, error) {
	d := t.d
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, x := range d.linger {
		if i%2 == 0 {
			x.land()
		}
	}
	d.linger = nil
	t.applied.Store(true)
	list := make([]relay.SeqHLC, relay.MaxRegions+1)
	for r, seq := range d.ledger {
		list[r].Seq = seq
	}
	for r := range t.lost {
		if t.lost[r] {
			t.committed[r], t.lost[r] = d.ledger[relay.Region(r)], false
		}
	}
	return list, nil
}

type tx struct {
	t      *target
	mark   relay.Mark
	again  bool                   // it was begun before
	writes map[string]relay.Write // by lock
	order  []string
	locks  []string
	ended  bool

	crashed bool // the server has
}

func (x *tx) lock(what string) error {
	d := x.t.d
	holder, held := d.locks[what]
	switch {
	case !held:
		d.locks[what] = x
		x.locks = append(x.locks, what)
	case holder == nil:
		return errLockWait
	case holder != x:
		if !x.mayMeet(holder) {
			d.fault("%v and %v both write %s", x.mark, holder.mark, what)
		}
		return errLockWait
	}
	return nil
}

// mayMeet tells whether two transactions may want the same lock. While rows of a table that was missing are named they may: such a row has other unique values in the table than the
// index says until it is repaired, and what was planned under a provisional key has no lock on the row's own one. One that is tried again may too: what was in the way of one of its
// rows may have been given up meanwhile. The database keeps them apart, and who comes second tries again.
func (x *tx) mayMeet(other *tx) bool {
	return x.again || other.again || x.huge() || other.huge() || x.t.d.named
}

// huge tells whether the transaction is streamed: such a one takes no locks of the applier's, only the database's.
func (x *tx) huge() bool {
	m := x.mark
	if x.t.hugeBytes == 0 || m.Repair() || m.Range.From != m.Range.To {
		return false
	}
	t, body, err := x.t.d.log.Received(m.Origin).Transaction(m.Range.From)
	if err != nil {
		return false
	}
	changes := 0
	for piece := range body {
		changes += bytes.Count(piece, []byte("\n")) + 1
	}
	return t.Size > x.t.hugeBytes || int64(changes) > x.t.hugeBytes/64
}

func (x *tx) Write(ctx context.Context, writes []relay.Write) error {
	d := x.t.d
	d.mu.Lock()
	hook := d.onWrite
	d.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, x.mark); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if x.ended || x.crashed || x.t.dead.Load() {
		return errGone
	}
	for _, w := range writes {
		if err := x.write(w); err != nil {
			return err
		}
	}
	return nil
}

func (x *tx) write(w relay.Write) error {
	d := x.t.d
	table := w.Table.String()
	if d.missing[table] {
		return errors.New("no such table")
	}
	if d.refuses != nil {
		if err := d.refuses(table, string(w.After)); err != nil {
			return err
		}
	}
	key := w.After
	if key == nil {
		key = w.Before
	}
	lock := table + "/" + idOf(key)
	if err := x.lock(lock); err != nil {
		return err
	}
	now := d.tables[table][idOf(key)]
	if old, again := x.writes[lock]; again {
		now = string(old.After)
	}
	if w.Expect == relay.Present && now == "" || w.Expect == relay.Absent && now != "" {
		return relay.ErrPresence
	}
	for _, u := range []string{uniqueOf(relay.Image(now + "|")), uniqueOf(append(slices.Clone(w.After), '|'))} {
		if u == "" {
			continue
		}
		if err := x.lock(table + "/u/" + u); err != nil {
			return err
		}
	}
	if _, again := x.writes[lock]; !again {
		x.order = append(x.order, lock)
	}
	x.writes[lock] = w
	return nil
}

func (x *tx) Commit(ctx context.Context) error {
	d := x.t.d
	d.mu.Lock()
	hook := d.onCommit
	d.mu.Unlock()
	var failure error
	if hook != nil {
		failure = hook(x.mark)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if x.ended {
		d.fault("commit of %v after its end", x.mark)
	}
	defer x.end()
	if x.crashed {
		return relay.ErrOutcomeUnknown
	}
	lands := failure == nil || errors.Is(failure, errUnknownDone)
	if x.t.dead.Load() {
		if lands {
			d.linger = append(d.linger, x)
		}
		return relay.ErrOutcomeUnknown
	}
	if lands {
		x.land()
		if !x.mark.Repair() {
			x.t.committed[x.mark.Origin] = x.mark.Range.To
		}
	}
	return failure
}

// land makes the transaction visible and captures it.
func (x *tx) land() {
	d := x.t.d
	lazy := d.lazy && !x.mark.Repair()
	if lazy {
		d.doubt()
	}
	if m := x.mark; !m.Repair() {
		if m.Range.From != d.ledger[m.Origin]+1 {
			d.fault("committed %d..%d of region %d after %d", m.Range.From, m.Range.To, m.Origin, d.ledger[m.Origin])
		}
		d.ledger[m.Origin] = m.Range.To
	}
	var native strings.Builder
	for _, lock := range x.order {
		w := x.writes[lock]
		key := w.After
		if key == nil {
			key = w.Before
		}
		native.WriteString(d.set(w.Table.String(), idOf(key), string(w.After)))
	}
	if d.trigger != nil {
		native.WriteString(d.trigger(x.mark))
	}
	mark, shows := x.mark, native.String()
	if d.logs != nil {
		shows = d.logs(mark, shows)
	}
	d.commits = append(d.commits, mark)
	if lazy {
		d.unsafe = append(d.unsafe, func() { d.record(relay.Applied, &mark, shows) })
		return
	}
	if !d.deafness {
		d.record(relay.Applied, &mark, shows)
	}
}

func (x *tx) end() {
	d := x.t.d
	if x.ended {
		return
	}
	x.ended = true
	for _, l := range x.locks {
		delete(d.locks, l)
	}
	if d.lanes[x.mark.Lane] == x {
		delete(d.lanes, x.mark.Lane)
	}
}

func (x *tx) Rollback() error {
	x.t.d.mu.Lock()
	defer x.t.d.mu.Unlock()
	x.end()
	return nil
}

// memory is a Store that can be made to fail after some writes.
type memory struct {
	mu      sync.Mutex
	pairs   map[string][]byte
	left    int // writes until it fails; -1: never
	writes  int
	onWrite func([]relay.Pair) // set before it is used
}

func newMemory() *memory { return &memory{pairs: make(map[string][]byte), left: -1} }

var errStore = errors.New("the disk is full")

func (m *memory) GetAll(keys [][]byte) ([][]byte, error) {
	values := make([][]byte, len(keys))
	for i, k := range keys {
		v, err := m.Get(k)
		if err != nil && !errors.Is(err, relay.ErrNotFound) {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

func (m *memory) Get(key []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.pairs[string(key)]
	if !ok {
		return nil, relay.ErrNotFound
	}
	return bytes.Clone(v), nil
}

func (m *memory) Scan(prefix, start []byte) iter.Seq2[relay.Pair, error] {
	m.mu.Lock()
	all := maps.Clone(m.pairs)
	m.mu.Unlock()
	return func(yield func(relay.Pair, error) bool) {
		for _, k := range slices.Sorted(maps.Keys(all)) {
			if !strings.HasPrefix(k, string(prefix)) || k < string(start) {
				continue
			}
			if !yield(relay.Pair{Key: []byte(k), Value: all[k]}, nil) {
				return
			}
		}
	}
}

func (m *memory) Write(_ context.Context, pairs []relay.Pair) error {
	if m.onWrite != nil {
		m.onWrite(pairs)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	size := 0
	for _, p := range pairs {
		size += len(p.Key) + len(p.Value)
	}
	if size > relay.MaxWrite {
		return fmt.Errorf("%d bytes are too much for one write", size)
	}
	if len(pairs) > 16_000 { // as a relay log
		return fmt.Errorf("%d pairs are too many for one write", len(pairs))
	}
	if m.left == 0 {
		return errStore
	}
	m.left--
	m.writes++
	for _, p := range pairs {
		if p.Value == nil {
			delete(m.pairs, string(p.Key))
		} else {
			m.pairs[string(p.Key)] = bytes.Clone(p.Value)
		}
	}
	return nil
}

// failed tells whether it fails now.
func (m *memory) failed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left == 0
}

// count counts the keys that begin so.
func (m *memory) count(prefix string) (n int) {
	for range m.Scan([]byte(prefix), nil) {
		n++
	}
	return n
}

func (m *memory) fail(after int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left = after
}

// bed is a region under test: a database, a relay log, and an applier that can be killed.
type bed struct {
	t       testing.TB
	log     *relaylog.DB
	d       *database
	store   *memory
	clock   hurried
	config  func(*applier.Config)
	origins []relay.Region

	mu       sync.Mutex
	problems []relay.Problem

	target *target
	a      *applier.Applier
	cancel context.CancelFunc
	done   chan error
}

// newBed returns a region that knows of the regions; its applier does not run yet.
// hellos introduces regions, named r2, r3 and so on.
func hellos(regions []relay.Region) []relay.Hello {
	var list []relay.Hello
	for _, r := range regions {
		list = append(list, relay.Hello{Name: fmt.Sprint("r", r), Region: r})
	}
	return list
}

func newBed(t testing.TB, origins ...relay.Region) *bed {
	t.Helper()
	log, err := relaylog.Open(t.TempDir(), relaylog.Options{MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, log: log, d: newDatabase(t), store: newMemory(), clock: hurried{time.Now()}, origins: origins}
	b.d.log = log
	t.Cleanup(func() {
		if b.cancel != nil {
			b.halt()
		}
		if err := b.log.Close(); err != nil {
			t.Error(err)
		}
		b.d.check()
	})
	return b
}

func (b *bed) make() *applier.Applier {
	b.t.Helper()
	b.target = &target{d: b.d}
	c := applier.Config{
		Self: self, Flavour: flavour, Regions: len(b.origins), Log: b.log, Store: b.store, Target: b.target,
		Prepare:  func(context.Context) error { return nil },
		Decoders: map[relay.Flavour]relay.Decoder{flavour: decoder{}},
		Table:    parseTable,
		JSON: func(_ *relay.Table, img relay.Image, keyOnly bool) string {
			if keyOnly {
				return fmt.Sprintf(`{"id":%q}`, idOf(owned(img)))
			}
			return fmt.Sprintf("%q", img)
		},
		Include: func(schema, table string) bool { return table != "excluded" },
		Define:  true,
		Report: func(p relay.Problem) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.problems = append(b.problems, p)
		},
		Clock: b.clock, Logger: slog.New(slog.DiscardHandler),
	}
	if b.config != nil {
		b.config(&c)
	}
	b.target.hugeBytes = c.HugeBytes
	a, err := applier.New(c, hellos(b.origins))
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func (b *bed) start() *bed {
	b.t.Helper()
	b.a = b.make()
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel, b.done = cancel, make(chan error, 1)
	go func() { b.done <- b.a.Run(ctx) }()
	return b
}

// halt stops the applier in good order.
func (b *bed) halt() {
	b.t.Helper()
	b.cancel()
	select {
	case <-b.done:
	case <-time.After(patience):
		b.t.Fatal("Run does not return")
	}
	b.cancel = nil
}

// kill stops the applier as a crash does: it saves nothing more, and its commits may still land.
func (b *bed) kill() {
	b.t.Helper()
	b.d.mu.Lock()
	b.target.dead.Store(true)
	b.d.mu.Unlock()
	b.store.fail(0)
	b.halt()
	b.store.fail(-1)
}

// receive puts a transaction into an origin's received stream.
func (b *bed) receive(origin relay.Region, clock relay.HLC, deps relay.Vector, native ...string) {
	b.t.Helper()
	stream := b.log.Received(origin)
	t := relay.Transaction{Origin: origin, Seq: relay.Seq(stream.Last() + 1), HLC: clock, Deps: deps, Time: time.Now(), Flavour: flavour}
	w, err := stream.Begin(context.Background(), t)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, n := range native {
		if err := w.Append([]byte(n)); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, "the transaction to be durable", func() bool { return stream.Last() >= uint64(t.Seq) })
}

// settled tells whether everything received has been applied and everything captured been merged, the canary as well: it is an entry like any other.
func (b *bed) settled() bool {
	if !b.a.Status().Writable || b.a.Merged() != b.d.end() {
		return false
	}
	for _, r := range b.origins {
		if seen, _ := b.a.Origin(r); uint64(seen.Seq) != b.log.Received(r).Last() {
			return false
		}
	}
	s := b.a.Status()
	return s.Pending == 0 && s.Repairs == 0
}

func (b *bed) settle() {
	b.t.Helper()
	eventually(b.t, "the region to settle", b.settled)
}

// fold is what the rows should be: the last write of each, by version, over all that was born here and received.
func (b *bed) fold() map[string]string {
	b.t.Helper()
	type write struct {
		relay.Version
		row string
	}
	last := make(map[string]write)
	take := func(v relay.Version, body relay.Body) {
		for c, err := range (decoder{}).Changes(body) {
			if err != nil {
				b.t.Fatal(err)
			}
			if c.Op == relay.Statement {
				continue
			}
			c.Before, c.After = owned(c.Before), owned(c.After)
			key := c.After
			if key == nil {
				key = c.Before
			}
			if k := c.Table.String() + "/" + idOf(c.Before); c.Before != nil && idOf(c.Before) != idOf(key) && !last[k].After(v) {
				last[k] = write{v, ""}
			}
			if k := c.Table.String() + "/" + idOf(key); !last[k].After(v) {
				last[k] = write{v, string(c.After)}
			}
		}
	}
	for lsn := relay.LSN(1); uint64(lsn) <= b.log.Local().Last(); lsn++ {
		if e, body, err := b.log.Local().Entry(lsn); err != nil {
			b.t.Fatal(err)
		} else if e.Kind == relay.Local {
			take(relay.Version{HLC: e.HLC, Region: self}, body)
		}
	}
	for _, r := range b.origins {
		for seq := relay.Seq(1); uint64(seq) <= b.log.Received(r).Last(); seq++ {
			t, body, err := b.log.Received(r).Transaction(seq)
			if err != nil {
				b.t.Fatal(err)
			}
			take(t.Version(), body)
		}
	}
	rows := make(map[string]string)
	for k, w := range last {
		if w.row != "" {
			rows[k] = w.row
		}
	}
	return rows
}

// converged waits until the region has settled, and compares its tables with the fold.
func (b *bed) converged() {
	b.t.Helper()
	b.settle()
	want, have := b.fold(), make(map[string]string)
	b.d.mu.Lock()
	for table, rows := range b.d.tables {
		for id, row := range rows {
			have[table+"/"+id] = row
		}
	}
	b.d.mu.Unlock()
	if !maps.Equal(want, have) {
		b.t.Errorf("tables hold %d rows, the fold has %d", len(have), len(want))
		for k := range want {
			if want[k] != have[k] {
				b.t.Errorf("%s is %.60q, should be %.60q", k, have[k], want[k])
			}
		}
		for k := range have {
			if want[k] == "" {
				b.t.Errorf("%s is %.60q, should not be", k, have[k])
			}
		}
	}
	b.d.check()
}

func (b *bed) problem(kind string) (relay.Problem, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range slices.Backward(b.problems) {
		if p.Kind == kind {
			return p, true
		}
	}
	return relay.Problem{}, false
}

func now() relay.HLC { return relay.HLC(time.Now().UnixMicro()) }
