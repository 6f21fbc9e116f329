package relay

// A region that is lost for good leaves transactions behind that some of the others have and some have not. They must come to be the same everywhere before
// anybody stops waiting for the region: a row's version that one region has forgotten, because everybody was said to have seen it, must not come to another one
// later. So a region that is evicted goes three steps, in every survivor:
//
//  1. It takes nothing more from the lost region, durably, and tells the others how long its copy of the region's transactions is. A copy only grows
//     now by what other survivors give.
//  2. When all survivors have said that, it is known how far the copies go. Who lacks something fetches it from who has it. Who has all of it, and whose database shows it for
//     good, says that it is level.
//  3. When all are level, nobody waits for the lost region any more, and nothing is kept for it.
//
// A survivor that cannot be heard holds the others up: it may have what nobody else has.

// Survivor is what a region says of its copy of a lost region's transactions.
type Survivor struct {
	Last  Seq  // of the copy, durable
	Level bool // its database shows everything for good that any survivor has
}

// Longest returns up to where a lost region's transactions go: the most that any survivor has, the own copy included. It is known when all have been
// heard; nil stands for who has not.
func Longest(own Seq, others []*Survivor) (longest Seq, known bool) {
	longest, known = own, true
	for _, s := range others {
		if s == nil {
			known = false
			continue
		}
		longest = max(longest, s.Last)
	}
	return longest, known
}

// Gone tells whether nobody has to wait for a lost region any more: all survivors are level.
func Gone(level bool, others []*Survivor) bool {
	for _, s := range others {
		level = level && s != nil && s.Level
	}
	return level
}
