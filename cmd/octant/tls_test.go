package main_test

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestPeersOverTLS lets relays reach each other over TLS, with the certificates that they make for themselves.
func TestPeersOverTLS(t *testing.T) {
	bed := envtest.Start(t, testenv.Options{
		Regions: 2, Octant: envtest.Octant(t), Memory: true, Schema: "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, v TEXT)",
		Configure: func(c *testenv.RelayConfig) { c.Extra = map[string]any{"peers": map[string]any{"tls": "required"}} },
	})
	for i, r := range bed.Regions {
		if _, err := r.Server.DB().ExecContext(t.Context(), "INSERT INTO app.t VALUES (?, 'over TLS')", i); err != nil {
			t.Fatal(err)
		}
	}
	envtest.WaitIdentical(t, testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}, ShowValues: true}, patience)
}

// TestVerifiedPeersNeedGoodCertificates: the certificate that a relay makes for itself proves nothing.
func TestVerifiedPeersNeedGoodCertificates(t *testing.T) {
	ctx := envtest.Context(t, patience)
	bed := envtest.Start(t, testenv.Options{Regions: 2, Octant: envtest.Octant(t), Memory: true, Schema: "CREATE DATABASE app"})
	a := bed.Region("a")
	if err := a.Relay.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := a.Relay.Configure(func(c *testenv.RelayConfig) {
		c.Extra = map[string]any{"peers": map[string]any{"tls": "verify"}}
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	if err := a.Relay.WaitReady(ctx, ""); err != nil {
		t.Fatal(err)
	}
	db, err := a.Relay.Open(testenv.AdminUser, bed.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	state, why := "", ""
	for !strings.Contains(why, "certificate") {
		if err := db.QueryRowContext(ctx, "SELECT state, last_error FROM octant.peers").Scan(&state, &why); err != nil {
			t.Fatalf("%v; the peer is %s: %s", err, state, why)
		}
	}
	if state == "connected" {
		t.Error("connected to a peer whose certificate nobody vouches for")
	}
}
