package preflight

import (
	"context"
	"fmt"
	"strconv"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/protocol/postgres/connect"
)

// sequence gives numbers, which two regions must not give to different rows: their steps leave room for all regions, and each region's numbers another remainder.
type sequence struct {
	name     string // quoted
	step     int64
	readable bool // its position may be asked for
}

const sequencesSQL = `SELECT n.nspname, c.relname, s.seqincrement, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
 FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relpersistence = 'p' ORDER BY 1, 2`

// checkSequences looks at the numbers of generated keys. That no other region has the same remainder only people can see.
func checkSequences(ctx context.Context, s *server) []finding.Result {
	if s.config.Regions < 2 {
		return nil
	}
	list, err := s.sequences(ctx)
	if err != nil {
		return []finding.Result{finding.Warn.On("sequences", err.Error(), "")}
	}
	var narrow, wide []string
	for _, q := range list {
		if q.step < int64(s.config.Regions) {
			narrow = append(narrow, q.name)
			continue
		}
		wide = append(wide, s.numbers(ctx, q))
	}
	switch {
	case len(narrow) > 0:
		return []finding.Result{finding.Warn.On("sequences", few(narrow)+": several regions would give the same numbers to different rows",
			fmt.Sprintf("ALTER SEQUENCE %s INCREMENT BY %d RESTART WITH <another remainder in every region>, or use UUIDs", narrow[0], max(16, s.config.Regions)))}
	case len(wide) > 0:
		return []finding.Result{finding.OK.On("sequences", few(wide)+": see that no other region has these remainders", "")}
	}
	return nil
}

func (s *server) sequences(ctx context.Context) (list []sequence, err error) {
	rows, err := s.Query(ctx, "check sequences", sequencesSQL)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if !s.config.Include(string(row[0]), string(row[1])) {
			continue
		}
		q := sequence{name: connect.Table(string(row[0]), string(row[1])), readable: string(row[3]) == "t"}
		if q.step, err = strconv.ParseInt(string(row[2]), 10, 64); err != nil {
			return nil, fmt.Errorf("check sequences: %w", err)
		}
		list = append(list, q)
	}
	return list, nil
}

// numbers says which numbers a sequence gives.
func (s *server) numbers(ctx context.Context, q sequence) string {
	text := fmt.Sprintf("%s goes up by %d", q.name, q.step)
	if !q.readable {
		return text
	}
	rows, err := s.Query(ctx, "check sequence "+q.name, "SELECT last_value % $1::int8 FROM "+q.name, q.step)
	if err != nil || len(rows) == 0 {
		return text
	}
	return fmt.Sprintf("%s with remainder %s", text, rows[0][0])
}
