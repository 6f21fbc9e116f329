package main

import (
	"context"

	"github.com/octant-db/octant/internal/admin"
	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/rendition"
	"github.com/octant-db/octant/protocol/postgres/capture"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// render has stock replicas of MariaDB and MySQL served what the database logs.
func (p *postgreSQL) render(rows *rowForms) error {
	for _, flavour := range []relay.Flavour{binlog.Flavour, binlog.MySQL} {
		r, err := rendition.New(rendition.Config{
			Flavour: flavour, Log: p.store.Local(), Decoder: logical.NewDecoder(rows.messages), Match: p.cfg.Replicas.Tables.Match,
			Facts: p.store, Name: p.store.StoreID(), UUID: p.uuid(),
		})
		if err != nil {
			return err
		}
		p.renditions = append(p.renditions, r)
	}
	return nil
}

// shown tells people what stock replicas are shown.
func (p *postgreSQL) shown(l *live) admin.Renditions { return shown{p, l} }

type shown struct {
	p    *postgreSQL
	live *live
}

// ReplicaLogs implements admin.Renditions.
func (s shown) ReplicaLogs() []admin.ReplicaLog {
	state := s.p.store.State()
	var list []admin.ReplicaLog
	for _, r := range s.p.renditions {
		list = append(list, admin.ReplicaLog{
			Flavour: string(r.Flavour()), GTIDSet: r.Executed(state.LSN), Position: capture.LSN(state.Position),
		})
	}
	return list
}

// ReplicaTables implements admin.Renditions.
func (s shown) ReplicaTables(ctx context.Context) ([]admin.ReplicaTable, error) {
	tables, err := s.live.now().database.tables(ctx)
	if err != nil {
		return nil, err
	}
	var list []admin.ReplicaTable
	for _, r := range s.p.renditions {
		for _, t := range tables {
			if !s.p.cfg.Replicas.Tables.Match(t.Schema, t.Name) {
				continue
			}
			shown := admin.ReplicaTable{Flavour: string(r.Flavour()), Table: t.String()}
			if layout, err := rendition.NewLayout(r.Flavour(), t); err != nil {
				shown.Problem = err.Error()
			} else {
				shown.Create = layout.Create()
			}
			list = append(list, shown)
		}
	}
	return list, nil
}
