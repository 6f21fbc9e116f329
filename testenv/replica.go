package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"strings"
	"time"
)

// Source is what a stock replica follows: a server, or a relay that serves as one.
type Source struct {
	Addr, User, Password string
	// File and Position start in file and position mode. Without File the mode is GTID, from GTIDs.
	File     string
	Position int64
	// GTIDs is what the replica has already, as in gtid_slave_pos; empty is nothing.
	GTIDs string
}

// Follow makes the server a stock replica of a source and starts it: CHANGE MASTER TO and START SLAVE. What
// it followed before is forgotten.
func (s *Server) Follow(ctx context.Context, source Source) error {
	host, port, err := net.SplitHostPort(source.Addr)
	if err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	start := "MASTER_USE_GTID=slave_pos"
	if source.File != "" {
		start = fmt.Sprintf("MASTER_USE_GTID=no, MASTER_LOG_FILE='%s', MASTER_LOG_POS=%d", source.File, source.Position)
	}
	for _, statement := range []string{
		"STOP SLAVE", "RESET SLAVE ALL",
		fmt.Sprintf("SET GLOBAL gtid_slave_pos='%s'", source.GTIDs),
		fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%s, MASTER_USER='%s', MASTER_PASSWORD='%s', "+
			"MASTER_CONNECT_RETRY=1, %s", host, port, source.User, source.Password, start),
		"START SLAVE",
	} {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("follow: %.20s: %w", statement, err)
		}
	}
	return nil
}

// StopFollowing stops the replica's threads; what it has received stays.
func (s *Server) StopFollowing(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, "STOP SLAVE"); err != nil {
		return fmt.Errorf("stop following: %w", err)
	}
	return nil
}

// WaitReplicated waits until this replica has applied everything that is in the source server's binary log
// now, whichever relay lies between. It fails at once when the replica stops with an error.
func (s *Server) WaitReplicated(ctx context.Context, source *Server) error {
	var want string
	if err := source.db.QueryRowContext(ctx, "SELECT @@GLOBAL.gtid_binlog_pos").Scan(&want); err != nil {
		return fmt.Errorf("wait for replica: %w", err)
	}
	err := poll(ctx, time.Millisecond, func() (bool, error) {
		var result int
		if err := s.db.QueryRowContext(ctx, "SELECT MASTER_GTID_WAIT(?, 0.5)", want).Scan(&result); err != nil {
			return false, err
		}
		if result == 0 {
			return true, nil
		}
		return false, s.replicaError(ctx)
	})
	if err != nil {
		return fmt.Errorf("wait for replica: %w", err)
	}
	return nil
}

// replicaError returns the error with which a replica thread stopped, or nil. Connection errors that the
// replica retries are not among them.
func (s *Server) replicaError(ctx context.Context) error {
	status, err := s.ReplicaStatus(ctx)
	if err != nil {
		return err
	}
	for _, thread := range []string{"IO", "SQL"} {
		if text := status["Last_"+thread+"_Error"]; text != "" && status["Slave_"+thread+"_Running"] == "No" {
			return fmt.Errorf("replica's %s thread stopped: %s", thread, text)
		}
	}
	return nil
}

// ReplicaStatus returns the row of SHOW SLAVE STATUS by column; it is empty when the server follows nobody.
func (s *Server) ReplicaStatus(ctx context.Context) (map[string]string, error) {
	rows, err := s.db.QueryContext(ctx, "SHOW SLAVE STATUS")
	if err != nil {
		return nil, fmt.Errorf("read replica status: %w", err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("read replica status: %w", err)
	}
	status := make(map[string]string)
	values := make([]sql.NullString, len(names))
	targets := make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("read replica status: %w", err)
		}
		for i, name := range names {
			status[name] = strings.TrimSpace(values[i].String)
		}
	}
	return status, rows.Err()
}
