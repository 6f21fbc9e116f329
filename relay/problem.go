package relay

import "time"

// Problem is something that an operator must know of and can mend. Problems are never silent: each is logged, counted, and
// listed until it is gone. Two problems with the same Kind and Subject are the same one.
type Problem struct {
	Kind    string // a short fixed word: "no_primary_key", "statement_format", …
	Subject string // what it is about: a table, a peer, a setting
	Detail  string // what happened, without row values
	Remedy  string // what to do
	Since   time.Time
	Count   uint64
}

// CountProblem adds a problem to a list that has each kind and subject once, or counts it there. Of different ones the list takes no more than most.
func CountProblem(list []Problem, p Problem, most int) []Problem {
	for i := range list {
		if list[i].Kind == p.Kind && list[i].Subject == p.Subject {
			list[i].Count++
			return list
		}
	}
	if len(list) < most {
		p.Count = 1
		list = append(list, p)
	}
	return list
}
