package watch

import (
	"time"

	"github.com/octant-db/octant/relay"
)

// Path is where a relay's HTTP port serves its Snapshot as JSON.
const Path = "/status.json"

// Snapshot is everything that a relay shows of itself, except for the lists that can be long. Its JSON is made for this
// program of the same version; others read /metrics and /readyz.
type Snapshot struct {
	At       time.Time // by the relay's clock
	Version  string    // of the program
	Self     relay.Hello
	Status   relay.Status
	Peers    []relay.PeerStatus
	Log      relay.LogStatus
	Tables   []relay.TableStatus
	Replicas []relay.ReplicaStatus
	Problems []relay.Problem
}

// Take makes a snapshot of the relay that i shows.
func Take(i relay.Inspector, version string, now time.Time) Snapshot {
	return Snapshot{
		At: now, Version: version, Self: i.Self(), Status: i.Status(), Peers: i.Peers(), Log: i.LogStatus(),
		Tables: i.Tables(), Replicas: i.Replicas(), Problems: i.Problems(),
	}
}
