package preflight

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
	Name   string // fixed: scripts may look for it
	Status Status
	Detail string // what is so
	Remedy string // what to do, as a statement or setting where there is one
}

// Failed tells whether any of the results forbids to run.
func Failed(results []Result) bool {
	for _, r := range results {
		if r.Status == Fail {
			return true
		}
	}
	return false
}

func ok(name, detail string) Result           { return Result{Name: name, Status: OK, Detail: detail} }
func info(name, detail, remedy string) Result { return Result{name, Info, detail, remedy} }
func warn(name, detail, remedy string) Result { return Result{name, Warn, detail, remedy} }
func fail(name, detail, remedy string) Result { return Result{name, Fail, detail, remedy} }
