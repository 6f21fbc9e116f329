package capture

import (
	"errors"
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// The kinds of problems.
const (
	noPrimaryKey     = "no_primary_key"
	statementFormat  = "statement_format"
	definition       = "ddl"
	truncation       = "truncate"
	rowImage         = "row_image"
	rowMetadata      = "row_metadata"
	incidentKind     = "incident"
	nonTransactional = "non_transactional"
	xaKind           = "xa"
	partialJSON      = "partial_json"
)

// problems collects what is wrong with a group until it is known whether it matters.
type problems struct {
	list []relay.Problem
}

// maxProblems bounds what one group can say; a group of more has said enough.
const maxProblems = 256

func (p *problems) add(n relay.Problem) {
	p.list = relay.CountProblem(p.list, n, maxProblems)
}

func (p *problems) drop() { p.list = p.list[:0] }

func (g *group) problem(p relay.Problem) { g.stream.problems.add(p) }

// report tells what was found. What the relay itself wrote, and what was there before it, concern nobody.
func (g *group) report(kind relay.EntryKind) {
	s := g.stream
	if kind == relay.Local {
		for _, p := range s.problems.list {
			p.Since = s.source.config.Now()
			p.Detail += fmt.Sprintf(" (%s at %s:%d)", g.head.name, s.at.file, g.start)
			s.rec.Report(p)
		}
	}
	s.problems.drop()
}

// checkTable looks for what keeps a table's rows from being replicated.
func (g *group) checkTable(t *table) {
	switch {
	case errors.Is(t.err, binlog.ErrMetadata):
		g.unreadable = true
		g.problem(relay.Problem{Kind: rowMetadata, Subject: t.String(),
			Detail: "its rows were logged without the names and types of its columns",
			Remedy: "SET GLOBAL binlog_row_metadata=FULL, then write the rows again"})
	case t.err != nil:
		g.unreadable = true
		g.problem(relay.Problem{Kind: rowMetadata, Subject: t.String(),
			Detail: "its description cannot be read: " + t.err.Error(),
			Remedy: "exclude the table, or change the column that is not understood"})
	case len(t.description.Table.Key) == 0:
		g.problem(relay.Problem{Kind: noPrimaryKey, Subject: t.String(),
			Detail: "the table has no primary key, so its rows cannot be told apart",
			Remedy: "add a primary key in every region, or exclude the table"})
	}
}

// judge looks at the group as a whole.
func (g *group) judge(how end) {
	t := g.anyIncluded()
	if t == "" {
		return
	}
	switch how {
	case bare:
		g.problem(relay.Problem{Kind: nonTransactional, Subject: t,
			Detail: "a table without transactions was written; half of such a change can be in the log",
			Remedy: "ALTER TABLE … ENGINE=InnoDB"})
	case prepared:
		g.problem(relay.Problem{Kind: xaKind, Subject: t,
			Detail: "an XA transaction was prepared; its rows are logged before it is known whether they stand",
			Remedy: "use ordinary transactions, or XA COMMIT … ONE PHASE; then write the rows again"})
	}
}

// anyIncluded returns the name of an included table that the group maps, the first in the alphabet.
func (g *group) anyIncluded() string {
	name := ""
	for _, t := range g.tables {
		if t.included && (name == "" || t.String() < name) {
			name = t.String()
		}
	}
	return name
}

func partialImage(t *table) relay.Problem {
	return relay.Problem{Kind: rowImage, Subject: t.String(),
		Detail: "rows were logged with some of their columns only",
		Remedy: "SET GLOBAL binlog_row_image=FULL and let no session change it, then write the rows again"}
}

func partialDocument(t *table) relay.Problem {
	return relay.Problem{Kind: partialJSON, Subject: t.String(),
		Detail: "rows were logged with the differences of their JSON documents only",
		Remedy: "SET GLOBAL binlog_row_value_options='' and let no session change it, then write the rows again"}
}

func incident(at place) relay.Problem {
	return relay.Problem{Kind: incidentKind, Subject: at.String(),
		Detail: "the database says that its log lacks changes",
		Remedy: "compare this region's tables with another's, and make them equal"}
}
