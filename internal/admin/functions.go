package admin

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// ErrMalformedGTIDs says that a text is no set of GTIDs of the database's kind.
var ErrMalformedGTIDs = errors.New("malformed set of GTIDs")

// function answers what replicas and their operators ask of a server's log. Its arguments are text, numbers as they were written.
type function struct {
	least, most int // arguments
	waits       bool
	run         func(ctx context.Context, h History, arguments []string) (any, error)
}

// functions of MariaDB and of MySQL by name in lower case.
var functions = map[string]function{
	"master_gtid_wait":           {1, 2, true, gtidWait(int64(-1))},
	"wait_for_executed_gtid_set": {1, 2, true, gtidWait(int64(1))},
	"master_pos_wait":            {2, 4, true, positionWait},
	"source_pos_wait":            {2, 4, true, positionWait},
	"binlog_gtid_pos":            {2, 2, false, gtidsAt},
	"gtid_subset":                {2, 2, false, gtidSubset},
	"gtid_subtract":              {2, 2, false, gtidSubtract},
}

// function passes one of them with its arguments.
func (c *cursor) function() (item, bool) {
	before := c.tokens
	name, ok := c.take(word)
	f, known := functions[name.text]
	if !ok || !known || !c.sign("(") {
		c.tokens = before
		return item{}, false
	}
	arguments, ok := c.values()
	if !ok || len(arguments) < f.least || len(arguments) > f.most {
		c.tokens = before
		return item{}, false
	}
	return item{patient: f.waits, value: func(ctx context.Context, call *call) (any, error) {
		if call.e.cfg.History == nil {
			return nil, notSupported(name.text)
		}
		texts := make([]string, len(arguments))
		for i, a := range arguments {
			if texts[i], ok = a(call); !ok {
				return nil, errNotOurs
			}
		}
		v, err := f.run(ctx, call.e.cfg.History, texts)
		return v, call.gtidError(err)
	}}, true
}

// values passes literals and variables up to the closing bracket.
func (c *cursor) values() (list []func(*call) (string, bool), ok bool) {
	for {
		v, ok := c.value()
		if !ok {
			return nil, false
		}
		list = append(list, v)
		if c.sign(")") {
			return list, true
		}
		if !c.sign(",") {
			return nil, false
		}
	}
}

func (c *cursor) value() (func(*call) (string, bool), bool) {
	t, ok := c.take(text, number, system)
	if !ok {
		return nil, false
	}
	if t.kind == system {
		return func(call *call) (string, bool) { return call.e.setting(unscoped(t.text)) }, true
	}
	if t.kind == number && c.sign(".") {
		fraction, _ := c.take(number)
		t.text += "." + fraction.text
	}
	return func(*call) (string, bool) { return t.text, true }, true
}

// gtidError puts what a server would say in place of the error.
func (call *call) gtidError(err error) error {
	switch {
	case !errors.Is(err, ErrMalformedGTIDs):
		return err
	case call.e.cfg.MySQL:
		return failure(codeGTIDSet, "Malformed GTID set specification.")
	}
	return failure(codeGTIDList, "Could not parse GTID list")
}

// gtidWait waits until the relay holds a set of GTIDs. late is the answer when it took too long.
func gtidWait(late int64) func(context.Context, History, []string) (any, error) {
	return func(ctx context.Context, h History, a []string) (any, error) {
		ctx, cancel, err := patience(ctx, a[1:])
		if err != nil {
			return nil, err
		}
		defer cancel()
		if err := h.WaitGTIDs(ctx, a[0]); errors.Is(err, context.DeadlineExceeded) {
			return late, nil
		} else if err != nil {
			return nil, err
		}
		return int64(0), nil
	}
}

// positionWait waits until the relay's log reaches a place in the source's files.
func positionWait(ctx context.Context, h History, a []string) (any, error) {
	offset, err := strconv.ParseUint(a[1], 10, 64)
	if err != nil {
		return nil, nil
	}
	ctx, cancel, err := patience(ctx, a[2:min(3, len(a))])
	if err != nil {
		return nil, err
	}
	defer cancel()
	entries, err := h.WaitPosition(ctx, a[0], offset)
	if errors.Is(err, context.DeadlineExceeded) {
		return int64(-1), nil
	}
	return entries, err
}

// patience bounds a wait by the seconds that were given, if any; 0 means not to wait.
func patience(ctx context.Context, seconds []string) (context.Context, context.CancelFunc, error) {
	if len(seconds) == 0 {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	n, err := strconv.ParseFloat(seconds[0], 64)
	if err != nil || n < 0 || n > maxPatience.Seconds() {
		return nil, nil, mysql.NewError(codeWrongArgument, "Incorrect arguments: the timeout is a number of seconds")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(n*float64(time.Second)))
	return ctx, cancel, nil
}

// maxPatience is the longest wait that can be asked for.
const maxPatience = 365 * 24 * time.Hour

func gtidsAt(_ context.Context, h History, a []string) (any, error) {
	offset, err := strconv.ParseUint(a[1], 10, 64)
	if err != nil {
		return nil, nil
	}
	set, ok, err := h.GTIDsAt(a[0], offset)
	if err != nil || !ok {
		return nil, err
	}
	return set, nil
}

func gtidSubset(_ context.Context, h History, a []string) (any, error) {
	within, err := h.Subset(a[0], a[1])
	return truth(within), err
}

func gtidSubtract(_ context.Context, h History, a []string) (any, error) {
	return h.Subtract(a[0], a[1])
}
