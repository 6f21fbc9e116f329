package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

func (mariaDB) unfollow() []string { return []string{"STOP SLAVE", "RESET SLAVE ALL"} }

func (mariaDB) started(gtids string) []string {
	return []string{fmt.Sprintf("SET GLOBAL gtid_slave_pos='%s'", gtids)}
}

// change says what TLS should be like in any case: since 11.4 it is on when the source offers it.
func (mariaDB) change(s Source) string {
	host, port := s.hostPort()
	parts := []string{
		fmt.Sprintf("MASTER_HOST='%s', MASTER_PORT=%s, MASTER_USER='%s', MASTER_PASSWORD='%s'", host, port, s.User, s.Password),
		"MASTER_CONNECT_RETRY=1",
	}
	switch {
	case s.CA != "":
		parts = append(parts, fmt.Sprintf("MASTER_SSL=1, MASTER_SSL_CA='%s', MASTER_SSL_VERIFY_SERVER_CERT=1, MASTER_SSL_CERT='%s', MASTER_SSL_KEY='%s'", s.CA, s.Cert, s.Key))
	case s.TLS:
		parts = append(parts, "MASTER_SSL=1, MASTER_SSL_VERIFY_SERVER_CERT=0")
	default:
		parts = append(parts, "MASTER_SSL=0, MASTER_SSL_VERIFY_SERVER_CERT=0")
	}
	if s.File == "" {
		parts = append(parts, "MASTER_USE_GTID=slave_pos")
	} else {
		parts = append(parts, fmt.Sprintf("MASTER_USE_GTID=no, MASTER_LOG_FILE='%s', MASTER_LOG_POS=%d", s.File, s.Position))
	}
	return "CHANGE MASTER TO " + strings.Join(parts, ", ")
}

func (mariaDB) start() string  { return "START SLAVE" }
func (mariaDB) stop() string   { return "STOP SLAVE" }
func (mariaDB) status() string { return "SHOW SLAVE STATUS" }

func (mariaDB) running(thread string) string { return "Slave_" + thread + "_Running" }

func (mariaDB) executed() (string, string) { return "Relay_Master_Log_File", "Exec_Master_Log_Pos" }

func (mariaDB) written(ctx context.Context, db *sql.DB) (string, error) {
	var gtids string
	err := db.QueryRowContext(ctx, "SELECT @@GLOBAL.gtid_binlog_pos").Scan(&gtids)
	return gtids, err
}

func (mariaDB) waitApplied(ctx context.Context, db *sql.DB, gtids string) (bool, error) {
	var result int
	err := db.QueryRowContext(ctx, "SELECT MASTER_GTID_WAIT(?, 0.5)", gtids).Scan(&result)
	return result == 0, err
}
