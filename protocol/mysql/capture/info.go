package capture

import (
	"context"
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// ServerInfo is what a server says of itself and of the end of its log.
type ServerInfo struct {
	Version  string
	ServerID uint32
	Flavour  relay.Flavour
	End      binlog.Position // of the log: file, offset and @@gtid_binlog_pos
}

// ServerInfo asks the server, over a connection of its own. End was true at some moment during the call: file and
// offset were read after GTIDs, so they may be later.
func (s *Source) ServerInfo(ctx context.Context) (ServerInfo, error) {
	c, err := connect(ctx, &s.config)
	if err != nil {
		return ServerInfo{}, fmt.Errorf("ask the database for its position: %w", err)
	}
	defer c.close()
	end, err := c.end()
	if err != nil {
		return ServerInfo{}, fmt.Errorf("ask the database for its position: %w", err)
	}
	return ServerInfo{Version: c.version, ServerID: c.serverID, Flavour: binlog.Flavour, End: end}, nil
}

// end returns where the log ends now.
func (c *connection) end() (binlog.Position, error) {
	r, err := c.query("SELECT @@GLOBAL.gtid_binlog_pos")
	if err != nil {
		return binlog.Position{}, err
	}
	set, err := binlog.ParseSet(text(r, 0, 0))
	if err != nil {
		return binlog.Position{}, err
	}
	r, err = c.query("SHOW MASTER STATUS")
	if err != nil {
		return binlog.Position{}, err
	}
	if r.RowNumber() == 0 {
		return binlog.Position{}, fmt.Errorf("the database writes no binary log: start it with log_bin: %w", relay.ErrRefused)
	}
	offset, err := r.GetUint(0, 1)
	if err != nil {
		return binlog.Position{}, err
	}
	return binlog.Position{GTIDs: set, File: text(r, 0, 0), Offset: offset}, nil
}
