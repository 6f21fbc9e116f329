package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// BinlogQuiet waits until no site's binary log has grown for a whole window. Changes that echo between
// regions never let it be quiet: then ctx ends first, and the error names the sites that grew last.
func BinlogQuiet(ctx context.Context, sites []Site, window time.Duration) error {
	since := time.Now()
	last, err := binlogEnds(ctx, sites)
	if err != nil {
		return err
	}
	var grown []string
	err = poll(ctx, min(window/10, 200*time.Millisecond), func() (bool, error) {
		now, err := binlogEnds(ctx, sites)
		if err != nil {
			return false, err
		}
		if changed := differentEnds(sites, last, now); len(changed) > 0 {
			grown, last, since = changed, now, time.Now()
		}
		return time.Since(since) >= window, nil
	})
	if err != nil {
		return fmt.Errorf("wait for quiet binary logs: %w; last grew: %s", err, strings.Join(grown, ", "))
	}
	return nil
}

// binlogEnd is where a server's binary log ends.
type binlogEnd struct {
	file     string
	position int64
}

func binlogEnds(ctx context.Context, sites []Site) ([]binlogEnd, error) {
	ends := make([]binlogEnd, len(sites))
	err := atEach(ctx, sites, func(ctx context.Context, i int, site Site) error {
		var err error
		ends[i], err = readBinlogEnd(ctx, site.DB)
		return err
	})
	return ends, err
}

// readBinlogEnd takes the last of the log's files: unlike SHOW MASTER STATUS, which MySQL has renamed, the statement has the
// same name and the same first columns everywhere.
func readBinlogEnd(ctx context.Context, db *sql.DB) (binlogEnd, error) {
	rows, err := db.QueryContext(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return binlogEnd{}, fmt.Errorf("read end of binary log: %w", err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return binlogEnd{}, fmt.Errorf("read end of binary log: %w", err)
	}
	var end binlogEnd
	targets := []any{&end.file, &end.position}
	for range len(columns) - len(targets) {
		targets = append(targets, new(sql.RawBytes))
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return binlogEnd{}, fmt.Errorf("read end of binary log: %w", err)
		}
	}
	return end, rows.Err()
}

func differentEnds(sites []Site, before, after []binlogEnd) []string {
	var names []string
	for i, site := range sites {
		if before[i] != after[i] {
			names = append(names, fmt.Sprintf("%s (%s:%d)", site.Name, after[i].file, after[i].position))
		}
	}
	return names
}
