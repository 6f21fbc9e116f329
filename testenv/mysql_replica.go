package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

func (mySQL) unfollow() []string { return []string{"STOP REPLICA", "RESET REPLICA ALL"} }

// started: what a replica has already is what it has executed, its own accounts' statements included. To set
// it, it must be empty first.
func (mySQL) started(gtids string) []string {
	if gtids == "" {
		return nil
	}
	return []string{"RESET BINARY LOGS AND GTIDS", fmt.Sprintf("SET GLOBAL gtid_purged='%s'", gtids)}
}

// change asks for the source's RSA key where there is no TLS: caching_sha2_password needs one of them.
func (mySQL) change(s Source) string {
	host, port := s.hostPort()
	parts := []string{
		fmt.Sprintf("SOURCE_HOST='%s', SOURCE_PORT=%s, SOURCE_USER='%s', SOURCE_PASSWORD='%s'", host, port, s.User, s.Password),
		"SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=86400",
	}
	switch {
	case s.CA != "":
		parts = append(parts, fmt.Sprintf("SOURCE_SSL=1, SOURCE_SSL_CA='%s', SOURCE_SSL_VERIFY_SERVER_CERT=1, SOURCE_SSL_CERT='%s', SOURCE_SSL_KEY='%s', GET_SOURCE_PUBLIC_KEY=0", s.CA, s.Cert, s.Key))
	case s.TLS:
		parts = append(parts, "SOURCE_SSL=1, SOURCE_SSL_CA='', SOURCE_SSL_VERIFY_SERVER_CERT=0, GET_SOURCE_PUBLIC_KEY=0")
	default:
		parts = append(parts, "SOURCE_SSL=0, SOURCE_SSL_CA='', SOURCE_SSL_VERIFY_SERVER_CERT=0, GET_SOURCE_PUBLIC_KEY=1")
	}
	if s.File == "" {
		parts = append(parts, "SOURCE_AUTO_POSITION=1")
	} else {
		parts = append(parts, fmt.Sprintf("SOURCE_AUTO_POSITION=0, SOURCE_LOG_FILE='%s', SOURCE_LOG_POS=%d", s.File, s.Position))
	}
	return "CHANGE REPLICATION SOURCE TO " + strings.Join(parts, ", ")
}

func (mySQL) start() string  { return "START REPLICA" }
func (mySQL) stop() string   { return "STOP REPLICA" }
func (mySQL) status() string { return "SHOW REPLICA STATUS" }

func (mySQL) running(thread string) string { return "Replica_" + thread + "_Running" }

func (mySQL) executed() (string, string) { return "Relay_Source_Log_File", "Exec_Source_Log_Pos" }

func (mySQL) written(ctx context.Context, db *sql.DB) (string, error) {
	var gtids string
	err := db.QueryRowContext(ctx, "SELECT @@GLOBAL.gtid_executed").Scan(&gtids)
	return strings.ReplaceAll(gtids, "\n", ""), err
}

func (mySQL) waitApplied(ctx context.Context, db *sql.DB, gtids string) (bool, error) {
	var result int
	err := db.QueryRowContext(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 0.5)", gtids).Scan(&result)
	return result == 0, err
}
