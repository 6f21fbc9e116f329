package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// StandbySlot is the physical slot of a server's standby.
const StandbySlot = "standby"

// Standby makes and starts a standby of the server, in a folder of its own below the one that is given. From version 17 on it keeps the server's failover slots too.
func (s *Server) Standby(below string, settings ...string) (*Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Exec(ctx, "postgres", "SELECT pg_create_physical_replication_slot('"+StandbySlot+"')"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(below, "octant-pg-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for a standby: %w", err)
	}
	standby := &Server{Engine: s.Engine, dir: dir, log: filepath.Join(dir, "log")}
	primary := fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s dbname=%s", s.Port, User, Password, Database)
	cmd := exec.CommandContext(ctx, s.Engine.Tool("pg_basebackup"), "-D", standby.Data(), "-d", primary, "-c", "fast", "--no-sync")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("pg_basebackup: %w: %s", err, out), standby.Close())
	}
	if err := os.WriteFile(filepath.Join(standby.Data(), "standby.signal"), nil, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("make a standby: %w", err), standby.Close())
	}
	settings = append([]string{"primary_conninfo=" + primary, "primary_slot_name=" + StandbySlot, "hot_standby_feedback=on", "wal_receiver_status_interval=1s"}, settings...)
	if s.Engine.Version >= 17 {
		settings = append(settings, "sync_replication_slots=on")
	}
	if err := standby.begin(settings); err != nil {
		return nil, errors.Join(err, standby.Close())
	}
	return standby, nil
}
