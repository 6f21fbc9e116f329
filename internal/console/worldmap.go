package console

import (
	"math"

	"github.com/octant-db/octant/internal/readable"
)

// worldMap is a picture of this region among the others.
type worldMap struct {
	Width, Height int
	Home          node
	Others        []mapPeer
}

type node struct {
	X, Y float64
	Name string
	Mood mood
}

// mapPeer is another region, and the way from it to here.
type mapPeer struct {
	node
	FromX, FromY, ToX, ToY float64 // the line, from the peer to here
	LabelX, LabelY         float64
	Label                  string // the lag, or why there is none
	LineMood               mood
}

const (
	mapWidth, mapHeight = 340, 300
	mapRadiusX          = 128.0
	mapRadiusY          = 118.0
	nodeRadius          = 17.0
	homeRadius          = 24.0
)

// newMap puts this region in the middle and the others around it, from the top in the order of their list.
func newMap(self string, ready bool, peers []peerRow) worldMap {
	m := worldMap{Width: mapWidth, Height: mapHeight, Home: node{X: mapWidth / 2, Y: mapHeight / 2, Name: self, Mood: good}}
	if !ready {
		m.Home.Mood = bad
	}
	for i, p := range peers {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(len(peers)))
		at := node{X: m.Home.X + mapRadiusX*sin, Y: m.Home.Y - mapRadiusY*cos, Name: p.Region, Mood: p.Mood}
		m.Others = append(m.Others, m.peer(at, p))
	}
	return m
}

func (m *worldMap) peer(at node, p peerRow) mapPeer {
	dx, dy := m.Home.X-at.X, m.Home.Y-at.Y
	length := math.Hypot(dx, dy)
	dx, dy = dx/length, dy/length
	o := mapPeer{
		node: at, LineMood: p.Mood, Label: readable.Short(p.Lag),
		FromX: at.X + dx*(nodeRadius+2), FromY: at.Y + dy*(nodeRadius+2),
		ToX: m.Home.X - dx*(homeRadius+5), ToY: m.Home.Y - dy*(homeRadius+5),
	}
	o.LabelX, o.LabelY = (o.FromX+o.ToX)/2, (o.FromY+o.ToY)/2
	switch {
	case p.State != "connected":
		o.Label = p.State
	case p.Mood == good:
		o.LineMood = p.LagMood
	}
	return o
}
