package testenv

import (
	"context"
	"database/sql"
)

// flavour is what differs between MariaDB and MySQL for those who run them and have them replicate.
type flavour interface {
	// name is mariadb or mysql: also the scheme of a relay's database URL.
	name() string
	// initialise returns the program, and the arguments after the common ones, that make a new data directory.
	initialise(dataDir string) (program string, args []string)
	// personal names the files of a data directory that no two servers may share.
	personal() []string
	// storage are the settings that shape the data directory.
	storage() []string
	// replication are what Octant asks of a server.
	replication(ServerOptions) []string
	// small keep a server small, so that several fit beside a compiler.
	small() []string

	// grants are the privileges that a relay's account needs, user and host left out.
	grants() []string

	// unfollow are statements that make a server forget whom it follows. They may fail on one that follows nobody.
	unfollow() []string
	// started sets what the replica has already; gtids may be empty.
	started(gtids string) []string
	// change is the statement that names the source.
	change(source Source) string
	// start and stop are the replica's threads'.
	start() string
	stop() string
	status() string
	// column names of a row of status.
	running(thread string) string
	executed() (file, position string)
	// written reads all GTIDs of a source's binary log.
	written(ctx context.Context, db *sql.DB) (string, error)
	// waitApplied waits half a second at most and says whether the replica has applied the GTIDs.
	waitApplied(ctx context.Context, db *sql.DB, gtids string) (bool, error)
}
