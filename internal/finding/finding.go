// Package finding is what a preflight says: the same words for every engine.
package finding

import "slices"

// Status says how a check went.
type Status string

// The statuses, from good to bad.
const (
	OK   Status = "ok"
	Info Status = "info" // nothing to mend, but worth knowing
	Warn Status = "warn" // works, and will surprise somebody
	Fail Status = "fail" // the relay must not run like this
)

// Result is what one check found.
type Result struct {
	Name   string `json:"name"` // fixed: scripts may look for it
	Status Status `json:"status"`
	Detail string `json:"detail"`           // what is so
	Remedy string `json:"remedy,omitempty"` // what to do, as a statement or setting where there is one
}

// On is the result of a check that went like this.
func (s Status) On(name, detail, remedy string) Result {
	return Result{Name: name, Status: s, Detail: detail, Remedy: remedy}
}

// Failed tells whether any of the results forbids to run.
func Failed(results []Result) bool {
	return slices.ContainsFunc(results, func(r Result) bool { return r.Status == Fail })
}
