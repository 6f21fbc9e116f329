package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/octant-db/octant/testenv"
)

// LoadOptions says where applications write that were not started by the demo.
type LoadOptions struct {
	At             []Place
	User, Password string
	Rate           float64 // transactions a second, in each region
	Out            io.Writer
}

// Place is a region and its database, which has the shop's tables.
type Place struct{ Region, Address string }

// Load writes in every region until ctx ends, whose reason it returns. Databases that go away are tried again.
func Load(ctx context.Context, o LoadOptions) error {
	var running sync.WaitGroup
	out := &lines{w: o.Out}
	for i, place := range o.At {
		db, err := openPlace(o, place)
		if err != nil {
			return err
		}
		defer db.Close()
		w := newWriter(testenv.Site{Name: place.Region, ID: i + 1, DB: db})
		running.Go(func() { w.standing(ctx, time.Duration(float64(time.Second)/o.Rate), out) })
	}
	running.Wait()
	return context.Cause(ctx)
}

func openPlace(o LoadOptions, at Place) (*sql.DB, error) {
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd, c.DBName = "tcp", at.Address, o.User, o.Password, "shop"
	c.Timeout, c.ReadTimeout, c.WriteTimeout = 5*time.Second, 30*time.Second, 30*time.Second
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("database of region %s: %w", at.Region, err)
	}
	return sql.OpenDB(connector), nil
}

// reportEvery is how often the load says how much it has written.
const reportEvery = 30 * time.Second

// afterTrouble is how long a region rests whose database does not take what is written.
const afterTrouble = 2 * time.Second

// standing writes until ctx ends, and says what it does now and then.
func (w *writer) standing(ctx context.Context, pause time.Duration, out *lines) {
	next := time.Now().Add(reportEvery)
	for ctx.Err() == nil {
		n, err := w.transaction(ctx)
		w.rows.Add(n)
		rest := pause
		if err != nil && !expected(err) && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
			out.say("region %s: %v", w.site.Name, err)
			rest = afterTrouble
		}
		if now := time.Now(); now.After(next) {
			out.say("region %s: %d rows written", w.site.Name, w.rows.Load())
			next = now.Add(reportEvery)
		}
		if wait(ctx, rest) != nil {
			return
		}
	}
}

// lines is written to by several at a time.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, format+"\n", args...)
}
