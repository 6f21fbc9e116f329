package testenv

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Network is the links between regions, one for each ordered pair: 56 for eight regions.
type Network struct {
	names []string
	links map[[2]string]*Link
}

// NewNetwork makes a link from every region to every other. Targets are the relays' addresses by region.
func NewNetwork(targets map[string]string) (*Network, error) {
	n := &Network{links: make(map[[2]string]*Link)}
	for name := range targets {
		n.names = append(n.names, name)
	}
	slices.Sort(n.names)
	for _, from := range n.names {
		for _, to := range n.names {
			if from == to {
				continue
			}
			link, err := NewLink(from, to, targets[to])
			if err != nil {
				return nil, errors.Join(err, n.Close())
			}
			n.links[[2]string{from, to}] = link
		}
	}
	return n, nil
}

// Link returns the link through which region from dials region to. It panics when there is no such pair: a
// misspelt name in a test.
func (n *Network) Link(from, to string) *Link {
	link, ok := n.links[[2]string{from, to}]
	if !ok {
		panic(fmt.Sprintf("testenv: no link from %q to %q", from, to))
	}
	return link
}

// Links returns all links, ordered by from and to.
func (n *Network) Links() []*Link {
	var all []*Link
	for _, from := range n.names {
		for _, to := range n.names {
			if link, ok := n.links[[2]string{from, to}]; ok {
				all = append(all, link)
			}
		}
	}
	return all
}

// Isolate brings every link from and to the region into condition c: Cut or Stalled.
func (n *Network) Isolate(region string, c Condition) {
	for _, link := range n.links {
		if link.From == region || link.To == region {
			link.Set(c)
		}
	}
}

// Rejoin heals every link from and to the region.
func (n *Network) Rejoin(region string) { n.Isolate(region, Healthy) }

// Reset ends every connection from and to the region with a TCP reset.
func (n *Network) Reset(region string) {
	for _, link := range n.links {
		if link.From == region || link.To == region {
			link.Reset()
		}
	}
}

// Partition cuts every link between a region of group and one outside it.
func (n *Network) Partition(group ...string) {
	for _, link := range n.links {
		if slices.Contains(group, link.From) != slices.Contains(group, link.To) {
			link.Set(Cut)
		}
	}
}

// Heal makes every link healthy.
func (n *Network) Heal() {
	for _, link := range n.links {
		link.Set(Healthy)
	}
}

// SetLatency gives every link the latency d, one way.
func (n *Network) SetLatency(d time.Duration) {
	for _, link := range n.links {
		link.SetLatency(d)
	}
}

// Close ends all links and waits for them. It is safe on a nil Network.
func (n *Network) Close() error {
	if n == nil {
		return nil
	}
	var err error
	for _, link := range n.links {
		err = errors.Join(err, link.Close())
	}
	return err
}
