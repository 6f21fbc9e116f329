package doctor

import (
	"fmt"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/relay"
)

// Running checks what a relay that is running says of itself: a place in the database's log that is gone can be seen nowhere else beforehand.
func Running(status relay.Status, problems []relay.Problem) []finding.Result {
	results := []finding.Result{{Name: "relay", Status: finding.OK, Detail: "it is running, and ready"}}
	if !status.Ready {
		results[0].Status, results[0].Detail = finding.Fail, "it is running, and not ready: "+status.Reason
		results[0].Remedy = "see octant status, and its problems, each with what to do"
	}
	for _, p := range problems {
		results = append(results, finding.Result{
			Name: "problem " + p.Kind, Status: finding.Warn, Detail: fmt.Sprintf("%s: %s (since %s)", p.Subject, p.Detail, p.Since.UTC().Format("2006-01-02 15:04:05")), Remedy: p.Remedy,
		})
	}
	return results
}

// Stopped says that no relay answers.
func Stopped(address string) []finding.Result {
	return []finding.Result{{Name: "relay", Status: finding.Info, Detail: "none answers at " + address + " (listen.http): what a running one would say of itself is not known"}}
}
