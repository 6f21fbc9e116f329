package testenv

import (
	"fmt"
	"os"
)

// ServerOptions says what one database server is like.
type ServerOptions struct {
	// Engine is the server's; the zero value is the machine's own MariaDB.
	Engine Engine
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
func (i installation) storageSettings() []string {
	settings := i.flavour.storage()
	if os.Getuid() == 0 {
		settings = append(settings, "--user=root")
	}
	return settings
}

// settings are what a server is started with, apart from where it lies and listens.
func (i installation) settings(o ServerOptions) []string {
	var all []string
	for _, some := range [][]string{i.storageSettings(), i.flavour.replication(o), keySettings(o), smallSettings(),
		i.flavour.small(), durabilitySettings(o.Relaxed), o.Args} {
		all = append(all, some...)
	}
	return all
}

// keySettings keep keys that servers make up apart; the operations manual asks for the same.
func keySettings(o ServerOptions) []string {
	return []string{
		fmt.Sprintf("--auto-increment-increment=%d", o.Regions),
		fmt.Sprintf("--auto-increment-offset=%d", o.ID),
	}
}

// smallSettings keep a MariaDB near 54 MiB, so that eight of them fit beside a compiler; each flavour has more.
func smallSettings() []string {
	return []string{
		"--performance-schema=OFF",
		"--skip-name-resolve",
		"--character-set-server=utf8mb4",
		"--default-time-zone=+00:00",
		"--max-connections=200",
		"--max-allowed-packet=256M",
		"--innodb-buffer-pool-size=32M",
		"--innodb-read-io-threads=1",
		"--innodb-write-io-threads=2",
		"--key-buffer-size=1M",
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
