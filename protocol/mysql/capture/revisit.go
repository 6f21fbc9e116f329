package capture

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// Before implements relay.Revisitor: the beginning of the newest file that begins before the transaction.
func (s *Source) Before(ctx context.Context, name string) (from relay.Position, behind bool, err error) {
	c, err := s.connect(ctx)
	if err != nil {
		return "", false, fmt.Errorf("look for transaction %s in the database's log: %w", name, err)
	}
	defer c.close()
	file, err := s.dialect.before(c, name)
	if err != nil {
		return "", false, fmt.Errorf("look for transaction %s in the database's log: %w", name, err)
	}
	at := binlog.Position{Flavour: s.dialect.flavour(), File: file, Offset: firstOffset, Server: c.server}
	return relay.Position(at.String()), false, nil
}

func (mariadb) before(c *connection, name string) (string, error) {
	g, err := binlog.Parse(name)
	if err != nil {
		return "", err
	}
	return c.findFile("Gtid_list", func(info string) (bool, error) {
		list, err := parseState(strings.Trim(info, "[] "))
		return !slices.ContainsFunc(list, func(have binlog.GTID) bool {
			return have.Domain == g.Domain && have.Server == g.Server && have.Seq >= g.Seq
		}), err
	})
}

func (mysqlServer) before(c *connection, name string) (string, error) {
	one, err := gtid.ParseSet(name)
	if err != nil {
		return "", err
	}
	return c.findFile("Previous_gtids", func(info string) (bool, error) {
		before, err := gtid.ParseSet(info)
		return !before.Includes(one), err
	})
}
