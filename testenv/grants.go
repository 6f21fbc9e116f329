package testenv

// Grants are the privileges that a relay's account needs on MariaDB 10.5 and newer, user and host left out:
//
//   - REPLICATION SLAVE to read the binary log, BINLOG MONITOR for SHOW MASTER STATUS and SHOW BINARY LOGS
//   - BINLOG REPLAY for BINLOG statements and for the native mark, session server_id
//   - BINLOG ADMIN for session binlog_annotate_row_events and binlog_row_image
//   - SELECT, INSERT, UPDATE, DELETE on the replicated tables, to apply and to repair
//   - everything on the schema octant, where the relay keeps its marks
var Grants = []string{
	"GRANT REPLICATION SLAVE, BINLOG MONITOR, BINLOG REPLAY, BINLOG ADMIN, SET USER ON *.* TO ",
	"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, CREATE VIEW, DROP ON *.* TO ",
	"GRANT ALL PRIVILEGES ON octant.* TO ",
}

func (mariaDB) grants() []string { return Grants }

// grants of MySQL 8.0 and newer:
//
//   - REPLICATION SLAVE to read the binary log, REPLICATION CLIENT for its status
//   - REPLICATION_APPLIER for BINLOG statements and for the native mark, original_commit_timestamp
//   - SELECT, INSERT, UPDATE, DELETE on the replicated tables, to apply and to repair
//   - everything on the schema octant, where the relay keeps its marks
func (mySQL) grants() []string {
	return []string{
		"GRANT REPLICATION SLAVE, REPLICATION CLIENT, REPLICATION_APPLIER, SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER ON *.* TO ",
		"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, CREATE VIEW, DROP, REFERENCES ON *.* TO ",
		"GRANT ALL PRIVILEGES ON octant.* TO ",
	}
}

// Grants are the privileges that a relay's account needs on the server, user and host left out.
func (s *Server) Grants() []string { return s.engine.flavour.grants() }
