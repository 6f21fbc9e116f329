package conflict

import "github.com/octant-db/octant/relay"

// Promised is the clock that everything that r will yet do is above, as far as anybody may rely on that: r has promised it, or a region has announced that it shows
// what r had done up to there. Rows may have been forgotten because of it.
func (e *Engine) Promised(r relay.Region) relay.HLC {
	promised := max(e.seenUpTo(r), e.peers[e.self].announced.Get(r))
	for _, other := range e.others {
		promised = max(promised, e.peers[other].announced.Get(r))
	}
	return promised
}
