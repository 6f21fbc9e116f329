package regions_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/octant-db/octant/testenv"
)

// ghost sends a server what gh-ost sends it when it changes app.t, in gh-ost's words and order (its go/logic/applier.go and go/sql/builder.go, cut-over "atomic"): the ghost and changelog tables, hints and
// heartbeats, rows in chunks, then under a lock of the table the writes that it has missed, and the swap that waits for the lock. gh-ost reads what it has missed from the binary log; ghost compares the tables, and
// writes the same statements.
type ghost struct {
	db      *sql.DB
	columns string // that both tables have
	last    int    // heartbeat
}

// ghostChunk is how many ids are copied at a time.
const ghostChunk = 50

// replayGhost changes app.t of a server.
func replayGhost(ctx context.Context, s *testenv.Server, alter string) error {
	g := ghost{db: s.DB()}
	rows, err := ask(ctx, g.db, "SELECT GROUP_CONCAT(column_name ORDER BY ordinal_position) FROM information_schema.columns WHERE table_schema='app' AND table_name='t'")
	if err != nil {
		return err
	}
	g.columns = flat(rows)
	for _, step := range []func(context.Context, string) error{g.begin, g.copy, g.cutOver, g.end} {
		if err := step(ctx, alter); err != nil {
			return err
		}
	}
	return nil
}

func (g *ghost) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := g.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.200s: %w", statement, err)
		}
	}
	return nil
}

// hint is a line in the changelog table; id 0: a new one.
func (g *ghost) hint(ctx context.Context, id int, hint, value string) error {
	return g.exec(ctx, fmt.Sprintf("insert /* gh-ost */ into `app`.`_t_ghc` (id, hint, value) values (NULLIF(%d, 0), '%s', '%s') on duplicate key update last_update=NOW(), value=VALUES(value)", id, hint, value))
}

func (g *ghost) state(ctx context.Context, state string) error {
	if err := g.hint(ctx, 2, "state", state); err != nil {
		return err
	}
	return g.hint(ctx, 0, fmt.Sprintf("state at %d", time.Now().UnixNano()), state)
}

func (g *ghost) begin(ctx context.Context, alter string) error {
	err := g.exec(ctx, "drop /* gh-ost */ table if exists `app`.`_t_gho`", "drop /* gh-ost */ table if exists `app`.`_t_del`", "drop /* gh-ost */ table if exists `app`.`_t_ghc`",
		"create /* gh-ost */ table `app`.`_t_ghc` ( id bigint unsigned auto_increment, last_update timestamp not null DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, "+
			"hint varchar(64) charset ascii not null, value varchar(4096) charset ascii not null, primary key(id), unique key hint_uidx(hint) ) auto_increment=256 comment='gh-ost changelog'",
		"create /* gh-ost */ table `app`.`_t_gho` like `app`.`t`", "alter /* gh-ost */ table `app`.`_t_gho` "+alter)
	if err != nil {
		return err
	}
	return g.state(ctx, "GhostTableMigrated")
}

func (g *ghost) copy(ctx context.Context, _ string) error {
	var low, high int
	if err := g.db.QueryRowContext(ctx, "select /* gh-ost `app`.`t` */ min(id), max(id) from `app`.`t`").Scan(&low, &high); err != nil {
		return err
	}
	for ; low <= high; low += ghostChunk {
		err := g.exec(ctx, fmt.Sprintf("insert /* gh-ost `app`.`t` */ ignore into `app`.`_t_gho` (%s) ( select %s from `app`.`t` force index (`PRIMARY`) "+
			"where (((`id` > _binary'%d') or ((`id` = _binary'%d'))) and ((`id` < _binary'%d') or ((`id` = _binary'%d')))) lock in share mode )", g.columns, g.columns, low, low, low+ghostChunk-1, low+ghostChunk-1))
		if g.last++; err == nil {
			err = g.hint(ctx, 1, "heartbeat", fmt.Sprint(g.last))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cutOver locks the table, writes what was missed, and lets the swap have the table when it waits for it.
func (g *ghost) cutOver(ctx context.Context, _ string) error {
	conn, err := g.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := execAll(ctx, conn, "create /* gh-ost */ table `app`.`_t_del` (id int auto_increment primary key) engine=InnoDB comment='ghost-cut-over-sentry'",
		"lock /* gh-ost */ tables `app`.`t` write, `app`.`_t_del` write"); err != nil {
		return err
	}
	if err := g.state(ctx, fmt.Sprintf("AllEventsUpToLockProcessed:%d", time.Now().UnixNano())); err != nil {
		return err
	}
	if err := g.catchUp(ctx, conn); err != nil {
		return err
	}
	swapped := make(chan error, 1)
	go func() {
		swapped <- g.exec(ctx, "rename /* gh-ost */ table `app`.`t` to `app`.`_t_del`, `app`.`_t_gho` to `app`.`t`")
	}()
	if err := g.swapWaits(ctx, swapped); err != nil {
		return err
	}
	err = execAll(ctx, conn, "drop /* gh-ost */ table if exists `app`.`_t_del`", "unlock /* gh-ost */ tables")
	return errors.Join(err, <-swapped)
}

// catchUp writes the rows that the ghost lacks or has otherwise, and takes away those that are gone.
func (g *ghost) catchUp(ctx context.Context, locked *sql.Conn) error {
	list := "SELECT id, CONCAT_WS(', ', QUOTE(" + strings.ReplaceAll(g.columns, ",", "), QUOTE(") + ")) FROM "
	want, err := rowsByID(locked.QueryContext(ctx, list+"app.t"))
	if err != nil {
		return err
	}
	have, err := rowsByID(g.db.QueryContext(ctx, list+"app._t_gho"))
	if err != nil {
		return err
	}
	for id, row := range want {
		if have[id] != row {
			if err := g.exec(ctx, fmt.Sprintf("replace /* gh-ost `app`.`_t_gho` */ into `app`.`_t_gho` (%s) values (%s)", g.columns, row)); err != nil {
				return err
			}
		}
	}
	for id := range have {
		if _, stays := want[id]; !stays {
			if err := g.exec(ctx, fmt.Sprintf("delete /* gh-ost `app`.`_t_gho` */ from `app`.`_t_gho` where ((`id` = %d))", id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// rowsByID are rows as literals.
func rowsByID(rows *sql.Rows, err error) (map[int]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := make(map[int]string)
	for rows.Next() {
		var id int
		var literals string
		if err := rows.Scan(&id, &literals); err != nil {
			return nil, err
		}
		list[id] = literals
	}
	return list, rows.Err()
}

// swapWaits waits until the swap waits for the lock.
func (g *ghost) swapWaits(ctx context.Context, swapped <-chan error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		rows, err := ask(ctx, g.db, "SELECT id FROM information_schema.processlist WHERE state LIKE '%metadata lock%' AND info LIKE 'rename /* gh-ost */%'")
		if err != nil || len(rows) > 0 {
			return err
		}
		select {
		case err := <-swapped:
			return fmt.Errorf("the swap did not wait for the lock: %w", errors.Join(err, errors.New("it is done")))
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the swap does not wait for the lock: %w", ctx.Err())
		}
	}
}

func (g *ghost) end(ctx context.Context, _ string) error {
	if err := g.state(ctx, "Migrated"); err != nil {
		return err
	}
	return g.exec(ctx, "drop /* gh-ost */ table if exists `app`.`_t_ghc`", "drop /* gh-ost */ table if exists `app`.`_t_del`")
}
