package replicas_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// soon is more than any single step takes on a small machine that does other things too.
const soon = 4 * time.Minute

// site is one region: a source, its relay, and replicas that follow the relay.
type site struct {
	*testenv.Region
	bed  *testenv.Bed
	cert certificate
}

// users of a relay that serves replicas, by the way they log in.
const (
	nativeUser    = "native"
	nativeTLSUser = "nativetls" // may not come without TLS
	sha2User      = "sha2"
	sha2TLSUser   = "sha2tls"
	certUser      = "certified" // may not come without a certificate
	strangerUser  = "stranger"  // nor may this one, and it is another one's
)

// startSite starts a server and its relay. Users of every kind have the bed's password.
func startSite(t *testing.T, engine testenv.Engine, args ...string) *site {
	t.Helper()
	cert := newCertificate(t)
	bed := envtest.Start(t, testenv.Options{
		Regions: 1, Engine: engine, Octant: envtest.Octant(t), Relaxed: true, Schema: schema,
		ServerArgs: args,
		Configure: func(c *testenv.RelayConfig) {
			password := c.Users[0].Password
			for _, u := range []testenv.UserConfig{
				{Name: nativeUser, Auth: "mysql_native_password"},
				{Name: nativeTLSUser, Auth: "mysql_native_password", RequireTLS: true},
				{Name: sha2User, Auth: "caching_sha2_password"},
				{Name: sha2TLSUser, Auth: "caching_sha2_password", RequireTLS: true},
				{Name: certUser, Auth: "mysql_native_password", RequireCertificate: true, CertificateName: replicaName},
				{Name: strangerUser, Auth: "mysql_native_password", RequireCertificate: true, CertificateName: "somebody else"},
			} {
				u.Password, u.Roles = password, []string{"replicate"}
				c.Users = append(c.Users, u)
			}
			c.Listen.TLSCert, c.Listen.TLSKey, c.Listen.TLSClientCA = cert.file, cert.keyFile, cert.authority
		},
	})
	return &site{Region: bed.Regions[0], bed: bed, cert: cert}
}

// plainUser is the user for plain connections that replicas of the engine log in as by default.
func plainUser(engine testenv.Engine) string {
	if engine.IsMySQL() {
		return sha2User
	}
	return nativeUser
}

// relaySource is the relay as a source, from the beginning of everything by GTID.
func (s *site) relaySource(user string) testenv.Source {
	return testenv.Source{Addr: s.Relay.Addr(), User: user, Password: s.bed.Password}
}

// fromStart changes a source to file and position mode, from the first file's start.
func (s *site) fromStart(source testenv.Source) testenv.Source {
	source.File, source.Position = "mariadb-bin.000001", 4
	if s.Server.Engine().IsMySQL() {
		source.File = "mysql-bin.000001"
	}
	return source
}

// directSource is the source itself, for replicas that move between it and the relay.
func (s *site) directSource(t *testing.T) testenv.Source {
	t.Helper()
	const user = "direct"
	run(t, s.Server, fmt.Sprintf("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY '%s'", user, s.bed.Password))
	run(t, s.Server, fmt.Sprintf("GRANT REPLICATION SLAVE ON *.* TO %s@'%%'", user))
	return testenv.Source{Addr: s.Server.Addr(), User: user, Password: s.bed.Password}
}

// background writes the everyday load until the function that it returns is called.
func (s *site) background(t *testing.T, writers int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- oltp(ctx, s.Server.DB(), writers) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// startReplicas starts n servers of the source's engine which follow nobody yet.
func (s *site) startReplicas(t *testing.T, n int, args ...string) []*testenv.Server {
	t.Helper()
	replicas := make([]*testenv.Server, n)
	for i := range replicas {
		// Replicas reconnect at once and notice soon that a relay is gone.
		replicas[i] = envtest.Server(t, testenv.ServerOptions{Engine: s.Server.Engine(), ID: 101 + i, Relaxed: true,
			Args: append([]string{"--skip-log-slave-updates", "--slave-net-timeout=4"}, args...)})
	}
	return replicas
}

// waitAll waits until all replicas have applied what the source has.
func (s *site) waitAll(t *testing.T, replicas ...*testenv.Server) {
	t.Helper()
	ctx := envtest.Context(t, soon)
	var g errgroup.Group
	for _, r := range replicas {
		g.Go(func() error {
			if err := r.WaitReplicated(ctx, s.Server); err != nil {
				return fmt.Errorf("replica %d: %w%s", r.ID(), err, stateOf(r))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatalf("%v\nthe relay's log ends:\n%s", err, s.Relay.LogTail())
	}
}

// stateOf tells where a replica stands, for a failure's report.
func stateOf(r *testenv.Server) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	status, err := r.ReplicaStatus(ctx)
	if err != nil {
		return ""
	}
	text := ""
	for name, value := range status {
		if value != "" && value != "0" {
			text += fmt.Sprintf("\n  %s: %s", name, value)
		}
	}
	return text
}

// requireIdentical waits for the replicas and compares all tables by reading them.
func (s *site) requireIdentical(t *testing.T, replicas ...*testenv.Server) {
	t.Helper()
	s.waitAll(t, replicas...)
	sites := []testenv.Site{s.Site()}
	for _, r := range replicas {
		sites = append(sites, testenv.Site{Name: fmt.Sprintf("replica %d", r.ID()), DB: r.DB()})
	}
	diff, err := testenv.Oracle{Sites: sites, Databases: []string{"app"}, ShowValues: true, MaxRows: 5}.Compare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := diff.Err(); err != nil {
		t.Fatal(err)
	}
	if len(diff.Tables) == 0 {
		t.Fatal("there are no tables to compare")
	}
}

func run(t *testing.T, s *testenv.Server, statement string, args ...any) {
	t.Helper()
	if _, err := s.DB().ExecContext(envtest.Context(t, soon), statement, args...); err != nil {
		t.Fatalf("%.80s: %v", statement, err)
	}
}

func value(t *testing.T, s *testenv.Server, query string) string {
	t.Helper()
	var text string
	if err := s.DB().QueryRowContext(envtest.Context(t, soon), query).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}
