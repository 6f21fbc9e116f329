package testenv

import "fmt"

// mariaDB is the flavour of MariaDB 10.5 and newer.
type mariaDB struct{}

func (mariaDB) name() string { return "mariadb" }

func (mariaDB) initialise(dataDir string) (string, []string) {
	return "mariadb-install-db", []string{"--datadir=" + dataDir, "--skip-test-db", "--auth-root-authentication-method=normal"}
}

func (mariaDB) personal() []string { return nil }

func (mariaDB) storage() []string {
	return []string{
		"--innodb-data-file-path=ibdata1:12M:autoextend",
		"--innodb-log-file-size=16M",
		"--innodb-undo-tablespaces=0",
	}
}

// log-slave-updates is for stock replication between beds: it concerns what the server's own replica
// threads apply, and not the relay, whose changes are ordinary transactions.
func (mariaDB) replication(o ServerOptions) []string {
	return []string{
		"--log-bin=mariadb-bin",
		"--binlog-format=ROW",
		"--binlog-row-image=FULL",
		"--binlog-row-metadata=FULL",
		"--log-slave-updates",
		fmt.Sprintf("--server-id=%d", o.ID),
		fmt.Sprintf("--gtid-domain-id=%d", o.ID),
	}
}

func (mariaDB) small() []string {
	return []string{
		"--innodb-log-buffer-size=2M",
		"--innodb-purge-threads=1",
		"--aria-pagecache-buffer-size=1M",
		"--table-open-cache=200",
	}
}
