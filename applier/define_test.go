package applier_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

// A definition is run when everything before it is committed, and before its mark and all that comes after it: rows that need it find it.
func TestDefinitionComesInOrder(t *testing.T) {
	b := newBed(t, 2)
	b.d.missing["app.later"] = true
	var ran atomic.Int64
	b.d.onDefine = func(from relay.Transaction, table string) error {
		if ran.Add(1); from.Seq != 21 || table != "app.later" || b.d.ledger[2] != 20 {
			t.Errorf("ran %s of transaction %d after %d", table, from.Seq, b.d.ledger[2])
		}
		return nil
	}
	b.start()
	for range 20 {
		b.receive(2, now(), nil, insert("1||x"))
	}
	b.receive(2, now(), nil, define("app.later", ""), line("app.later", "", "1||with it")) // as CREATE TABLE … SELECT
	b.receive(2, now(), nil, line("app.later", "", "2||behind it"))
	b.converged()
	if ran.Load() != 1 || b.d.row("app.later", "1") == "" || b.d.row("app.later", "2") == "" {
		t.Errorf("ran %d times; rows %q, %q", ran.Load(), b.d.row("app.later", "1"), b.d.row("app.later", "2"))
	}
	for _, kind := range []string{"ddl_left", "apply_held", "dead_letter"} {
		if p, is := b.problem(kind); is {
			t.Errorf("%+v", p)
		}
	}
}

// Definitions may stand among the rows of a transaction, however large that is: they are run in front of it.
func TestDefinitionsAmongRows(t *testing.T) {
	for name, huge := range map[string]int64{"held at once": 1 << 20, "read in parts": 10} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, 2)
			b.config = func(c *applier.Config) { c.HugeBytes = huge }
			b.d.missing["app.later"], b.d.missing["app.last"] = true, true
			var ran []string
			b.d.onDefine = func(_ relay.Transaction, table string) error { ran = append(ran, table); return nil }
			b.start()
			b.receive(2, now(), nil, insert("1||x"), define("app.later", ""), line("app.later", "", "1||between"), define("app.last", ""), line("app.last", "", "1||behind"))
			b.converged()
			if strings.Join(ran, " ") != "app.later app.last" || b.d.row("app.later", "1") == "" || b.d.row("app.last", "1") == "" {
				t.Errorf("ran %q; rows %q, %q", ran, b.d.row("app.later", "1"), b.d.row("app.last", "1"))
			}
		})
	}
}

// A definition may have so many small rows behind it in its transaction that these are streamed.
func TestDefinitionBeforeManyRows(t *testing.T) {
	b := newBed(t, 2)
	b.config = func(c *applier.Config) { c.HugeBytes = 64_000 }
	b.d.missing["app.later"] = true
	b.d.onDefine = func(relay.Transaction, string) error { return nil }
	b.start()
	native := []string{define("app.later", "")}
	for i := range 1500 {
		native = append(native, line("app.later", "", fmt.Sprintf("%d||d", i)))
	}
	b.receive(2, now(), nil, native...)
	b.receive(2, now(), nil, line("app.later", "4||d", "4||after"))
	b.converged()
	if got := b.d.row("app.later", "1499"); got != "1499||d" {
		t.Errorf("the last row is %q", got)
	}
}

// A relay that dies between a definition and its mark meets it again.
func TestDefinitionIsMetAgain(t *testing.T) {
	b := newBed(t, 2)
	b.d.missing["app.later"] = true
	var ran, refused, dead atomic.Int64
	b.d.onDefine = func(relay.Transaction, string) error { ran.Add(1); return nil }
	b.d.onCommit = func(m relay.Mark) error {
		if m.Origin == 2 && m.Range.From == 1 && dead.Load() == 0 {
			refused.Add(1)
			return errGone
		}
		return nil
	}
	b.start()
	b.receive(2, now(), nil, define("app.later", ""))
	b.receive(2, now(), nil, line("app.later", "", "1||x"))
	eventually(t, "the definition to run, and its commit to fail", func() bool { return refused.Load() > 0 })
	b.kill()
	dead.Add(1)
	b.start()
	b.converged()
	if ran.Load() < 2 || b.d.row("app.later", "1") == "" {
		t.Errorf("ran %d times", ran.Load())
	}
}

// What cannot succeed now is tried again, and what cannot at all is told.
func TestDefinitionIsTriedAgain(t *testing.T) {
	for name, failure := range map[string]error{"a lock": errLockWait, "something to mend": errors.New("disk full")} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, 2)
			b.d.missing["app.later"] = true
			var tries atomic.Int64
			b.d.onDefine = func(relay.Transaction, string) error {
				if tries.Add(1) <= 8 {
					return failure
				}
				return nil
			}
			b.start()
			b.receive(2, now(), nil, define("app.later", ""))
			b.receive(2, now(), nil, line("app.later", "", "1||x"))
			b.converged()
			if p, held := b.problem("apply_held"); !held || !strings.Contains(p.Detail, "app.later") {
				t.Errorf("%+v", p)
			}
		})
	}
}

// Definitions that are not carried, or not by this relay, are left to people; the rest goes on.
func TestDefinitionIsLeft(t *testing.T) {
	tests := map[string]struct {
		lines  []string
		config func(*applier.Config)
		want   string
	}{
		"by its kind":             {[]string{define("app.later", "it drops something")}, nil, "it drops something"},
		"by the configuration":    {[]string{define("app.later", "")}, func(c *applier.Config) { c.Define = false }, "database.ddl"},
		"by the kind of database": {[]string{define("app.later", "")}, func(c *applier.Config) { c.Target = plain{c.Target} }, "kind of database"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, 2)
			b.config = test.config
			b.d.onDefine = func(relay.Transaction, string) error { t.Error("it was run"); return nil }
			b.start()
			b.receive(2, now(), nil, test.lines...)
			b.receive(2, now(), nil, insert("1||x"))
			b.converged()
			if p, is := b.problem("ddl_left"); !is || p.Subject != "app.later" || !strings.Contains(p.Detail, test.want) || p.Remedy == "" {
				t.Errorf("%+v", p)
			}
		})
	}
	t.Run("excluded", func(t *testing.T) {
		b := newBed(t, 2).start()
		b.receive(2, now(), nil, define("app.excluded", ""))
		b.converged()
		if p, is := b.problem("ddl_left"); is {
			t.Errorf("%+v", p)
		}
	})
}

// plain is a target that cannot run definitions.
type plain struct{ relay.Target }
