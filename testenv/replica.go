package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Source is what a stock replica follows: a server, or a relay that serves as one.
type Source struct {
	Addr, User, Password string
	// TLS asks for TLS and believes any certificate. CA is the PEM file of an authority whose certificates are
	// believed, and asks for TLS too. With neither the connection is plain.
	TLS bool
	CA  string
	// Cert and Key are the PEM files of the replica's own certificate; they need CA. Without them it shows none.
	Cert, Key string
	// File and Position start in file and position mode. Without File the mode is GTID, from GTIDs.
	File     string
	Position int64
	// GTIDs is what the replica has already, as in gtid_slave_pos or gtid_purged; empty is nothing.
	GTIDs string
}

func (s Source) hostPort() (string, string) {
	host, port, _ := net.SplitHostPort(s.Addr) // whoever uses it has checked
	return host, port
}

func (s Source) check() error {
	_, _, err := net.SplitHostPort(s.Addr)
	return err
}

// Follow makes the server a stock replica of a source and starts it. What it followed before is forgotten,
// and with it, on MariaDB, what it has applied.
func (s *Server) Follow(ctx context.Context, source Source) error {
	f := s.engine.flavour
	return s.follow(ctx, source, slices.Concat(f.unfollow(), f.started(source.GTIDs), []string{f.change(source), f.start()}))
}

// Move points a replica to another source and has it go on from where it is: by GTID from what it has applied,
// or from File and Position. GTIDs must be empty.
func (s *Server) Move(ctx context.Context, source Source) error {
	f := s.engine.flavour
	return s.follow(ctx, source, []string{f.stop(), f.change(source), f.start()})
}

func (s *Server) follow(ctx context.Context, source Source, statements []string) error {
	if err := source.check(); err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	for _, statement := range statements {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("follow: %.20s: %w", statement, err)
		}
	}
	return nil
}

// StopFollowing stops the replica's threads; what it has received stays.
func (s *Server) StopFollowing(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, s.engine.flavour.stop()); err != nil {
		return fmt.Errorf("stop following: %w", err)
	}
	return nil
}

// StartFollowing starts the threads of a replica that was stopped.
func (s *Server) StartFollowing(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, s.engine.flavour.start()); err != nil {
		return fmt.Errorf("start following: %w", err)
	}
	return nil
}

// Executed returns up to where in its source's binary log the replica has applied. It is exact while the replica is stopped.
func (s *Server) Executed(ctx context.Context) (file string, position int64, err error) {
	status, err := s.ReplicaStatus(ctx)
	if err != nil {
		return "", 0, err
	}
	fileColumn, positionColumn := s.engine.flavour.executed()
	position, err = strconv.ParseInt(status[positionColumn], 10, 64)
	if err != nil {
		return "", 0, fmt.Errorf("read replica's position: %w", err)
	}
	return status[fileColumn], position, nil
}

// WaitReplicated waits until this replica has applied everything that is in the source server's binary log
// now, whichever relay lies between. It fails at once when the replica stops with an error.
func (s *Server) WaitReplicated(ctx context.Context, source *Server) error {
	want, err := source.engine.flavour.written(ctx, source.db)
	if err != nil {
		return fmt.Errorf("wait for replica: %w", err)
	}
	err = poll(ctx, time.Millisecond, func() (bool, error) {
		applied, err := s.engine.flavour.waitApplied(ctx, s.db, want)
		if applied || err != nil {
			return err == nil, err
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
		if text := status["Last_"+thread+"_Error"]; text != "" && status[s.engine.flavour.running(thread)] == "No" {
			return fmt.Errorf("replica's %s thread stopped: %s", thread, text)
		}
	}
	return nil
}

// ReplicaStatus returns the row of SHOW SLAVE STATUS or SHOW REPLICA STATUS by column; it is empty when the server follows nobody.
func (s *Server) ReplicaStatus(ctx context.Context) (map[string]string, error) {
	rows, err := s.db.QueryContext(ctx, s.engine.flavour.status())
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
