package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/inquire"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/verify"
)

// runVerify compares all regions with each other, through their relays.
func runVerify(ctx context.Context, args []string) error {
	flags := newFlags("verify")
	asJSON := flags.Bool("json", false, "write the report as JSON, for octant repair")
	shown := flags.Bool("values", false, "show the values of columns that differ")
	rate := flags.Int("rate", 0, "compare at most so many `rows` a second")
	patience := flags.Duration("patience", verify.DefaultPatience, "how long rows that are being written are looked at again")
	limit := flags.Int("limit", verify.DefaultLimit, "list at most so many `differences` of a table")
	cfg, tables, err := parseWithNames(flags, args)
	if err != nil {
		return err
	}
	members, closeAll, err := membersOf(cfg, relay.Peer{})
	if err != nil {
		return err
	}
	defer closeAll()
	o := verify.Options{
		Tables: tables, Rate: *rate, Patience: *patience, Limit: *limit, Values: *shown, Clock: relay.SystemClock{}, Agree: values.Agree,
	}
	if !*asJSON {
		o.Done = func(t verify.TableReport) { _ = t.WriteText(os.Stdout) }
	}
	report, err := verify.Run(ctx, members, o)
	if *asJSON && report != nil {
		err = errors.Join(err, writeJSON(report))
	}
	switch {
	case err != nil:
		return err
	case !report.Identical():
		return errReported
	case !*asJSON:
		_, err = fmt.Printf("%d regions are identical, after %s\n", len(report.Regions), report.Ended.Sub(report.Began).Round(time.Millisecond))
	}
	return err
}

func writeJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// membersOf are the regions of the configuration, its own first. Rows are written as admin, if it has a user.
func membersOf(cfg *config.Config, admin relay.Peer) (members []verify.Member, closeAll func(), err error) {
	own, secured, err := ownRelay(cfg)
	if err != nil {
		return nil, nil, err
	}
	peers, closePeers, err := peerMembers(cfg.PeerTLS, cfg.Peers, admin)
	if err != nil {
		return nil, nil, err
	}
	self := &verify.Remote{Relay: inquire.Relay{Peer: own, TLS: secured, Admin: admin}}
	return append([]verify.Member{{Name: own.Name, Side: self}}, peers...), func() {
		_ = self.Close()
		closePeers()
	}, nil
}

// peerMembers are other regions.
func peerMembers(security config.TLS, peers []config.Peer, admin relay.Peer) (members []verify.Member, closeAll func(), err error) {
	secured, err := security.Config("peer:0")
	if err != nil {
		return nil, nil, err
	}
	if secured != nil {
		secured.ServerName = "" // each peer's own is filled in
	}
	var remotes []*verify.Remote
	for _, p := range peers {
		r := &verify.Remote{Relay: inquire.Relay{Peer: p.Relay(), TLS: secured, Admin: admin}}
		remotes, members = append(remotes, r), append(members, verify.Member{Name: p.Region, Side: r})
	}
	return members, func() {
		for _, r := range remotes {
			_ = r.Close()
		}
	}, nil
}

// ownRelay is how this region's relay is reached: as one of its users that may replicate. On this machine its certificate says nothing.
func ownRelay(cfg *config.Config) (relay.Peer, *tls.Config, error) {
	i := slices.IndexFunc(cfg.Users, func(u config.User) bool {
		return slices.Contains(u.Roles, config.RoleReplicate) && !u.RequireCertificate
	})
	if i < 0 {
		return relay.Peer{}, nil, errors.New("tables are compared through the relays: this one needs a [[user]] with role replicate")
	}
	u := cfg.Users[i]
	var secured *tls.Config
	if u.RequireTLS {
		secured = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // see above
	}
	return relay.Peer{Name: cfg.Region.Name, Address: cfg.Listen.MySQL, User: u.Name, Password: string(u.Password)}, secured, nil
}
