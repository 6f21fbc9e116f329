package capture

import (
	"slices"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/ddl"
	"github.com/octant-db/octant/relay"
)

// statement looks at SQL that was logged as text.
func (g *group) statement(t binlog.EventType, q *binlog.Query) {
	s := ddl.Describe(q.Schema, q.SQL)
	if t == binlog.ExecuteLoadQueryEvent {
		s = ddl.Statement{Kind: ddl.Rows, Verb: "LOAD DATA", Schema: q.Schema} // its first name is that of a file
	}
	if s.Kind == ddl.Nothing {
		return
	}
	g.touch(s.Schema)
	if own, ok := ddl.Signed(q.SQL); ok && (s.Kind == ddl.Definition || s.Kind == ddl.Truncate) {
		g.defined = &relay.Mark{Origin: own.Origin, Range: relay.Range{From: own.Seq, To: own.Seq}, HLC: own.HLC}
	}
	config := &g.stream.source.config
	if s.Schema == octantSchema || !g.concerns(&s) {
		return
	}
	all := !slices.ContainsFunc(s.Tables, func(n ddl.Name) bool { return !config.Include(n.Schema, n.Table) })
	if s.Carried() && all && config.CarryDefinitions {
		return
	}
	g.problem(problemOf(&s))
}

// concerns tells whether a statement is about anything that is replicated, or does not say what it is about.
func (g *group) concerns(s *ddl.Statement) bool {
	include := g.stream.source.config.Include
	if len(s.Tables) > 0 {
		return slices.ContainsFunc(s.Tables, func(n ddl.Name) bool { return include(n.Schema, n.Table) })
	}
	return s.Schema == "" || include(s.Schema, s.Name)
}

// problemOf says what is wrong with a statement that is not carried to other regions. Its text is not told: it can have values.
func problemOf(s *ddl.Statement) relay.Problem {
	switch s.Kind {
	case ddl.Truncate:
		return relay.Problem{Kind: truncation, Subject: s.Subject(),
			Detail: "TRUNCATE is not carried to other regions by this relay's configuration (database.ddl)",
			Remedy: "run it there too, while nobody writes to the table; or use DELETE"}
	case ddl.Rows:
		return relay.Problem{Kind: statementFormat, Subject: s.Subject(),
			Detail: s.Verb + " was logged as a statement, not as rows",
			Remedy: "SET GLOBAL binlog_format=ROW and let no session change it, then write the rows again"}
	}
	detail := s.Verb + " is not carried to other regions"
	if s.Reason != "" {
		detail += ": " + s.Reason
	}
	return relay.Problem{Kind: definition, Subject: s.Subject(), Detail: detail, Remedy: "run it there too"}
}
