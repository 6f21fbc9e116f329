package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/octant-db/octant/relay"
)

// Readiness is the body of /readyz.
//
// The relay is ready when it reads the local log up to its end and can write to the database. A caller sets a higher bar with
// the parameters peers, which is "all" or the names of regions with commas between them, and max_lag, a duration such as 5s:
// each of these peers that is not paused must then be connected, and not behind by more. max_lag alone means all peers.
type Readiness struct {
	State  string          `json:"state"` // "ready" or "not_ready"
	Reason string          `json:"reason,omitempty"`
	Region string          `json:"region"`
	Peers  []PeerReadiness `json:"peers"`
}

// PeerReadiness is one peer in the body of /readyz.
type PeerReadiness struct {
	Region     string  `json:"region"`
	State      string  `json:"state"`
	Connected  bool    `json:"connected"`
	LagSeconds float64 `json:"lag_seconds"`
	Error      string  `json:"error,omitempty"`
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	peers := s.relay.Peers()
	demanded, err := parseBar(r.URL.RawQuery, peers)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body := assess(s.relay.Self().Name, s.relay.Status(), peers, demanded)
	code := http.StatusOK
	if body.State != "ready" {
		code = http.StatusServiceUnavailable
	}
	s.reply(w, code, body)
}

// bar is what a caller demands beyond the relay's own readiness.
type bar struct {
	all    bool
	peers  map[string]bool
	maxLag time.Duration // negative: any
}

func parseBar(query string, peers []relay.PeerStatus) (bar, error) {
	b := bar{maxLag: -1, peers: map[string]bool{}}
	values, err := url.ParseQuery(query)
	if err != nil {
		return b, fmt.Errorf("the parameters cannot be read: %w", err)
	}
	for name, list := range values {
		if len(list) != 1 {
			return b, fmt.Errorf("parameter %q is given %d times", name, len(list))
		}
		switch name {
		case "peers":
			err = b.demandPeers(list[0], peers)
		case "max_lag":
			err = b.demandLag(list[0])
		default:
			err = fmt.Errorf("there is no parameter %q; there are peers and max_lag", name)
		}
		if err != nil {
			return b, err
		}
	}
	b.all = b.all || b.maxLag >= 0 && len(b.peers) == 0
	return b, nil
}

func (b *bar) demandPeers(value string, peers []relay.PeerStatus) error {
	if value == "all" {
		b.all = true
		return nil
	}
	known := make(map[string]bool, len(peers))
	for _, p := range peers {
		known[p.Region] = true
	}
	for _, name := range strings.Split(value, ",") {
		if !known[name] {
			return fmt.Errorf("peers: there is no peer %q; write all, or names of peers with commas between them", name)
		}
		b.peers[name] = true
	}
	return nil
}

func (b *bar) demandLag(value string) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return fmt.Errorf("max_lag: %q is no duration; write for example 5s", value)
	}
	b.maxLag = d
	return nil
}

// missed tells what the peer lacks of the bar, "" for nothing. A paused or evicted peer is let off only where all are asked for: who names
// a peer wants it.
func (b *bar) missed(p *relay.PeerStatus) string {
	switch {
	case !b.peers[p.Region] && (!b.all || p.State == "paused" || p.State == "evicted"):
		return ""
	case p.State != "connected":
		return fmt.Sprintf("peer %s is %s", p.Region, p.State)
	case b.maxLag >= 0 && p.Lag > b.maxLag:
		return fmt.Sprintf("peer %s lags by %s", p.Region, p.Lag.Round(time.Millisecond))
	}
	return ""
}

func assess(region string, s relay.Status, peers []relay.PeerStatus, demanded bar) Readiness {
	body := Readiness{State: "ready", Region: region, Peers: make([]PeerReadiness, 0, len(peers))}
	var reasons []string
	if !s.Ready {
		reasons = append(reasons, s.Reason)
	}
	for i := range peers {
		p := &peers[i]
		body.Peers = append(body.Peers, PeerReadiness{
			Region: p.Region, State: p.State, Connected: p.State == "connected", LagSeconds: p.Lag.Seconds(), Error: p.LastError,
		})
		if missed := demanded.missed(p); missed != "" {
			reasons = append(reasons, missed)
		}
	}
	if len(reasons) > 0 {
		body.State, body.Reason = "not_ready", strings.Join(reasons, "; ")
	}
	return body
}
