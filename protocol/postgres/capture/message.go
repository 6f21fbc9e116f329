package capture

import (
	"context"
	"fmt"
	"slices"

	"github.com/octant-db/octant/protocol/postgres/ddl"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// text looks at what was written with pg_logical_emit_message. What others write is passed over.
func (s *stream) text(ctx context.Context, m []byte) error {
	t, err := logical.ParseEmitted(m)
	if err != nil || !t.Transactional || t.Prefix != logical.SignaturePrefix && t.Prefix != ddl.Prefix {
		return err
	}
	if !s.open {
		return fmt.Errorf("a message of kind %q outside a transaction: %w", m[0], logical.ErrMalformed)
	}
	if t.Prefix == ddl.Prefix {
		return s.defined(ctx, m, t.Content)
	}
	if by, ok := logical.ParseSignature(t.Content); ok {
		s.group.signed = &relay.Mark{Origin: by.Origin, Range: relay.Range{From: by.Seq, To: by.Seq}, HLC: by.HLC}
	}
	return s.append(m)
}

// defined takes what an event trigger has told of a definition, if it is about anything that is replicated.
func (s *stream) defined(ctx context.Context, m, content []byte) error {
	genuine, err := s.publication.genuine(ctx, content)
	if err != nil {
		return err
	}
	noted, err := ddl.Parse(content)
	if !genuine || err == nil && noted.XID != s.begun.XID {
		s.group.problem(relay.Problem{Kind: definition, Subject: "event trigger",
			Detail: "a message in the log says that it is about a definition, and is not from Octant's event triggers",
			Remedy: "find out who calls pg_logical_emit_message; if the triggers were made anew just now, this happens once"})
		return nil
	}
	if err != nil {
		s.group.problem(relay.Problem{Kind: definition, Subject: "event trigger", Detail: err.Error(), Remedy: s.source.config.InstallRemedy})
		return nil
	}
	v := noted.Judge()
	if v.Nothing || !s.concerns(&v.Definition) {
		return nil
	}
	s.group.other = true
	if p := s.left(&v.Definition); p != nil {
		s.group.problem(*p)
	}
	return s.append(m)
}

// concerns tells whether a definition is about anything that is replicated, or does not say what it is about.
func (s *stream) concerns(d *relay.Definition) bool {
	include := s.source.config.Include
	return len(d.Tables) == 0 || slices.ContainsFunc(d.Tables, func(n relay.TableName) bool { return include(n.Schema, n.Table) })
}

// left tells of a definition that other regions do not run; nil: they do.
func (s *stream) left(d *relay.Definition) *relay.Problem {
	include := s.source.config.Include
	all := !slices.ContainsFunc(d.Tables, func(n relay.TableName) bool { return !include(n.Schema, n.Table) })
	if d.Reason == "" && all && s.source.config.CarryDefinitions {
		return nil
	}
	p := &relay.Problem{Kind: definition, Subject: d.Subject, Detail: d.Verb + " is not carried to other regions", Remedy: "run it there too"}
	if d.Reason != "" {
		p.Detail += ": " + d.Reason
	}
	return p
}
