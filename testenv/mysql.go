package testenv

import "fmt"

// mySQL is the flavour of MySQL 8.4 and newer.
type mySQL struct{}

func (mySQL) name() string { return "mysql" }

// initialise makes the keys for TLS and for caching_sha2_password as well, which copies then share.
func (mySQL) initialise(dataDir string) (string, []string) {
	return "mysqld", []string{"--datadir=" + dataDir, "--initialize-insecure"}
}

// personal: auto.cnf holds the server_uuid; a server that finds none makes one.
func (mySQL) personal() []string { return []string{"auto.cnf"} }

func (mySQL) storage() []string {
	return []string{"--innodb-data-file-path=ibdata1:12M:autoextend"}
}

func (mySQL) replication(o ServerOptions) []string {
	return []string{
		"--log-bin=mysql-bin",
		"--binlog-row-image=FULL",
		"--binlog-row-metadata=FULL",
		"--log-replica-updates",
		"--gtid-mode=ON",
		"--enforce-gtid-consistency=ON",
		fmt.Sprintf("--server-id=%d", o.ID),
	}
}

// small brings a server from 286 to 213 MiB. The redo log is no smaller than large transactions need.
func (mySQL) small() []string {
	return []string{
		// The one that is built in lies where a package would have made it.
		"--secure-file-priv=",
		"--mysqlx=OFF",
		"--innodb-redo-log-capacity=64M",
		"--innodb-log-buffer-size=1M",
		"--temptable-max-ram=2M",
		"--table-open-cache=64",
	}
}
