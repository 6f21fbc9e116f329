package replicas_test

import (
	"fmt"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// cell is one way for a replica to follow a relay.
type cell struct {
	user      string
	tls       bool
	byFile    bool
	certified bool // it shows a certificate of its own
}

func (c cell) String() string {
	mode, way := "GTID", "plain"
	if c.byFile {
		mode = "file"
	}
	if c.tls {
		way = "TLS"
	}
	return fmt.Sprintf("%s, %s, %s", mode, c.user, way)
}

// cells are all ways that replicas of the engine have. MariaDB's packages bring no caching_sha2_password for replicas.
func cells(engine testenv.Engine) []cell {
	var all []cell
	for _, byFile := range []bool{false, true} {
		all = append(all, cell{user: nativeUser, byFile: byFile}, cell{user: nativeTLSUser, tls: true, byFile: byFile})
		if engine.IsMySQL() {
			all = append(all, cell{user: sha2User, byFile: byFile}, cell{user: sha2TLSUser, tls: true, byFile: byFile})
		}
	}
	return all
}

// TestReplicasFollowInEveryWay has one replica for each way behind one relay. All follow from before the load to its end.
func TestReplicasFollowInEveryWay(t *testing.T) {
	for _, test := range []struct {
		name   string
		engine testenv.Engine
		large  int      // MB of the large transaction
		args   []string // of the source
	}{
		{"MariaDB 10.11", testenv.MariaDB1011, 100, nil},
		{"MariaDB 11.8", testenv.MariaDB118, 100, nil},
		{"MariaDB 10.11 compressed", testenv.MariaDB1011, 10, []string{"--log-bin-compress=ON"}},
		{"MariaDB 11.8 compressed", testenv.MariaDB118, 10, []string{"--log-bin-compress=ON"}},
		{"MySQL 9.7", testenv.MySQL97, 100, nil},
		{"MySQL 9.7 compressed", testenv.MySQL97, 10, []string{"--binlog-transaction-compression=ON"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ways := cells(test.engine)
			s := startSite(t, test.engine, test.args...)
			replicas := s.startReplicas(t, len(ways))
			for i, way := range ways {
				if err := replicas[i].Follow(envtest.Context(t, soon), s.sourceFor(way)); err != nil {
					t.Fatalf("%s: %v", way, err)
				}
				t.Logf("replica %d: %s", replicas[i].ID(), way)
			}
			s.writeEverything(t, test.large)
			s.requireIdentical(t, replicas...)
		})
	}
}

func (s *site) sourceFor(way cell) testenv.Source {
	source := s.relaySource(way.user)
	if way.tls {
		source.CA = s.cert.authority
	}
	if way.certified {
		source.Cert, source.Key = s.cert.client, s.cert.clientKey
	}
	if way.byFile {
		source = s.fromStart(source)
	}
	return source
}

// writeEverything runs the odd writes beside the load of several connections.
func (s *site) writeEverything(t *testing.T, large int) {
	t.Helper()
	stop := s.background(t, 2)
	defer stop()
	writeOdd(t, s.Server, large)
	stop()
	run(t, s.Server, "FLUSH BINARY LOGS")
}
