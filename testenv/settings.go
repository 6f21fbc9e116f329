package testenv

import (
	"fmt"
	"os"
)

// ServerOptions says what one MariaDB server is like.
type ServerOptions struct {
	// Dir holds everything of this server and must not exist yet or be empty. Keep its path short: the
	// server's Unix socket lies in it, and sockets have paths of at most 107 bytes.
	Dir string
	// ID is the region's: server_id, gtid_domain_id and auto_increment_offset. 0 means 1.
	ID int
	// Regions is auto_increment_increment: with it, keys that servers make up never meet. 0 means 1.
	Regions int
	// Relaxed leaves fsync out of commits. What was committed still survives kill -9 of the server, since
	// the kernel has it, but not a loss of power. The default is innodb_flush_log_at_trx_commit=1 and
	// sync_binlog=1.
	Relaxed bool
	// Args come last on the command line, so they win over the settings made here.
	Args []string
}

// storageSettings shape the data directory, so template and server must agree on them.
func storageSettings() []string {
	settings := []string{
		"--innodb-data-file-path=ibdata1:12M:autoextend",
		"--innodb-log-file-size=16M",
		"--innodb-undo-tablespaces=0",
	}
	if os.Getuid() == 0 {
		settings = append(settings, "--user=root")
	}
	return settings
}

// replicationSettings are what Octant asks of a MariaDB server; the operations manual lists the same.
// log-slave-updates is for stock replication between beds: it concerns what the server's own replica
// threads apply, and not the relay, whose changes are ordinary transactions.
func replicationSettings(o ServerOptions) []string {
	return []string{
		"--log-bin=mariadb-bin",
		"--binlog-format=ROW",
		"--binlog-row-image=FULL",
		"--binlog-row-metadata=FULL",
		"--log-slave-updates",
		fmt.Sprintf("--server-id=%d", o.ID),
		fmt.Sprintf("--gtid-domain-id=%d", o.ID),
		fmt.Sprintf("--auto-increment-increment=%d", o.Regions),
		fmt.Sprintf("--auto-increment-offset=%d", o.ID),
	}
}

// smallSettings keep a server near 54 MiB, so that eight of them fit beside a compiler.
func smallSettings() []string {
	return []string{
		"--performance-schema=OFF",
		"--skip-name-resolve",
		"--character-set-server=utf8mb4",
		"--default-time-zone=+00:00",
		"--max-connections=200",
		"--max-allowed-packet=256M",
		"--innodb-buffer-pool-size=32M",
		"--innodb-log-buffer-size=2M",
		"--innodb-read-io-threads=1",
		"--innodb-write-io-threads=2",
		"--innodb-purge-threads=1",
		"--aria-pagecache-buffer-size=1M",
		"--key-buffer-size=1M",
		"--table-open-cache=200",
		"--table-definition-cache=400",
		"--thread-cache-size=16",
	}
}

func durabilitySettings(relaxed bool) []string {
	if relaxed {
		return []string{"--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0"}
	}
	return []string{"--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1"}
}
