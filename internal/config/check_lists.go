package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/octant-db/octant/relay"
)

// The ways to prove a password; see "Authentication Plugins" in the servers' manuals.
const (
	authNative = "mysql_native_password"
	authSHA2   = "caching_sha2_password"
)

func (c *checker) users(f *file) []User {
	var users []User
	seen := map[string]bool{}
	for i, u := range f.Users {
		key := fmt.Sprintf("user[%d]", i+1)
		if u.Name == "" {
			c.addf("%s has no name", key)
		} else if seen[u.Name] {
			c.addf("%s: there is already a user %q", key, u.Name)
		}
		seen[u.Name] = true
		if u.Password == "" {
			c.addf("%s (%q) has no password", key, u.Name)
		}
		c.roles(key, u.Name, u.Roles)
		switch {
		case u.Auth != "" && u.Auth != authNative && u.Auth != authSHA2:
			c.addf("%s (%q): auth %q is not one of %s, %s", key, u.Name, u.Auth, authNative, authSHA2)
		case u.CertificateName != "" && !u.RequireCertificate:
			c.addf("%s (%q): certificate_name needs require_certificate = true", key, u.Name)
		case u.RequireCertificate && f.Listen.TLSClientCA == "":
			c.addf("%s (%q): require_certificate needs listen.tls_client_ca: whose certificates shall be believed?", key, u.Name)
		case u.MaxConnections < 0 || u.MaxConnections > maxCount:
			c.addf("%s (%q): max_connections is %d: choose 1 to %d, or 0 for no limit of its own", key, u.Name, u.MaxConnections, maxCount)
		}
		users = append(users, User{
			Name: u.Name, Password: Secret(u.Password), Roles: u.Roles, Auth: u.Auth,
			RequireTLS: u.RequireTLS || u.RequireCertificate, RequireCertificate: u.RequireCertificate,
			CertificateName: u.CertificateName, MaxConnections: int(u.MaxConnections),
		})
	}
	return users
}

func (c *checker) roles(key, name string, roles []string) {
	if len(roles) == 0 {
		c.addf("%s (%q) has no roles: give it some of replicate, read, admin", key, name)
	}
	for _, role := range roles {
		if !slices.Contains([]string{RoleReplicate, RoleRead, RoleAdmin}, role) {
			c.addf("%s (%q): unknown role %q: the roles are replicate, read, admin", key, name, role)
		}
	}
}

func (c *checker) peers(f *file) []Peer {
	var peers []Peer
	for _, p := range f.Peers {
		peers = append(peers, Peer{Region: p.Region, Address: p.Address, User: p.User, Password: Secret(p.Password)})
	}
	c.peerList(peers, f.Region.Name, f.Listen.MySQL)
	return peers
}

// peerList checks peers of the region self, whose relay listens at own.
func (c *checker) peerList(peers []Peer, self, own string) {
	names, addresses := map[string]bool{}, map[string]string{}
	for i, p := range peers {
		key := fmt.Sprintf("peer[%d]", i+1)
		c.name(key+".region", p.Region)
		c.address(key+".address", p.Address)
		switch {
		case p.Region == self:
			c.addf("%s is this region itself (%q): list the other regions only", key, p.Region)
		case names[p.Region]:
			c.addf("%s: there is already a peer %q", key, p.Region)
		case p.Address == own:
			c.addf("%s (%q) has this relay's own address %s", key, p.Region, p.Address)
		case addresses[p.Address] != "":
			c.addf("%s (%q) has the same address as peer %q", key, p.Region, addresses[p.Address])
		}
		names[p.Region], addresses[p.Address] = true, p.Region
		if p.User == "" || p.Password == "" {
			c.addf("%s (%q) needs user and password: those of a [[user]] with role replicate at that relay", key, p.Region)
		}
	}
	if len(peers) >= relay.MaxRegions {
		c.addf("there are %d peers: a cluster has at most %d regions", len(peers), relay.MaxRegions)
	}
}

// webhookEvents are the kinds of events that can be asked for.
var webhookEvents = []string{relay.ConflictEvent, relay.DeadLetterEvent, relay.BreakerEvent, relay.DriftEvent, relay.VerificationEvent}

func (c *checker) webhooks(f *file) []Webhook {
	var hooks []Webhook
	seen := map[string]bool{}
	for i, h := range f.Webhooks {
		key := fmt.Sprintf("webhook[%d]", i+1)
		u, err := url.Parse(h.URL)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			c.addf("%s.url is not of the form https://host/path", key) // it may hold a token: not shown
		case seen[h.URL]:
			c.addf("%s has the url of another webhook: name its events there", key)
		case h.Secret == "":
			c.addf("%s has no secret: the receiver could not tell whose events they are", key)
		}
		seen[h.URL] = true
		for _, e := range h.Events {
			if !slices.Contains(webhookEvents, e) {
				c.addf("%s.events: unknown event %q: the events are %s", key, e, strings.Join(webhookEvents, ", "))
			}
		}
		hooks = append(hooks, Webhook{URL: Secret(h.URL), Secret: Secret(h.Secret), Events: h.Events})
	}
	return hooks
}
