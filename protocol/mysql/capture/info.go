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
	Server   string // server_uuid; of MariaDB the server_id
	DomainID uint32 // gtid_domain_id of MariaDB
	GTIDMode string // gtid_mode of MySQL
	Flavour  relay.Flavour
	End      binlog.Position // of the log: file, offset and the transactions before
}

// ServerInfo asks the server, over a connection of its own. End was true at some moment during the call: file and
// offset were read after GTIDs, so they may be later.
func (s *Source) ServerInfo(ctx context.Context) (ServerInfo, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return ServerInfo{}, fmt.Errorf("ask the database for its position: %w", err)
	}
	defer c.close()
	end, err := s.dialect.end(c)
	if err != nil {
		return ServerInfo{}, fmt.Errorf("ask the database for its position: %w", err)
	}
	return ServerInfo{
		Version: c.version, ServerID: c.serverID, Server: c.server, DomainID: c.domainID, GTIDMode: c.gtidMode, Flavour: s.dialect.flavour(), End: end,
	}, nil
}
