package scenarios

import (
	"slices"
	"time"
)

// Scenario is one file.
type Scenario struct {
	Name     string   // the file's, without .txt
	Sentence string   // what it shows
	Only     []string // where it is played: some of Places; nil: everywhere
	Reason   string   // why not everywhere

	Tables   []Table
	Rules    []Rule // that hold from the beginning
	Triggers []Trigger
	Steps    []Step
}

// Places are where scenarios can be played.
var Places = []string{"simulation", "mariadb", "mysql", "postgres"}

// In tells whether the scenario is played there.
func (s *Scenario) In(place string) bool { return s.Only == nil || slices.Contains(s.Only, place) }

// Table is a table of a scenario. Besides its columns it has the primary key id, a number.
type Table struct {
	Name    string
	Columns []Column
}

// Column is a column of a table.
type Column struct {
	Name       string
	Number     bool
	Unique     bool
	References string // a table
	OnDelete   Action
}

// Action is what a foreign key does with the children of a row that is deleted.
type Action uint8

// The actions.
const (
	Restrict Action = iota // the children are deleted first
	Cascade
	SetNull
)

// Rule is a table's policy.
type Rule struct {
	Region    string // where it holds; "" everywhere
	Table     string
	Policy    string // lww, priority, merge, reject or rollback
	Regions   []string
	Counters  []string
	Timestamp string
}

// Trigger inserts a row with the same id and no values into another table.
type Trigger struct{ On, Into string }

// Step is one line that does something, or a whole transaction.
type Step struct {
	Line int
	Do   Verb
}

// Verb is what a step does: one of the types below it.
type Verb interface{ verb() }

// The verbs.
type (
	// Commit is an application's transaction.
	Commit struct {
		Region string
		Writes []Write
	}
	// Cut ends the traffic between a region and another one, or with To empty all others.
	Cut struct{ Region, To string }
	// Heal ends all cuts.
	Heal struct{}
	// Kill ends a region's relay, its database, or both, and starts them again.
	Kill struct {
		Region          string
		Relay, Database bool
	}
	// Skew puts the clock of a region's applications ahead.
	Skew struct {
		Region string
		By     time.Duration
	}
	// Change gives a table another rule in one region.
	Change struct{ Rule Rule }
	// Refuse has a database take no row of a table from an id on; 0: none at all.
	Refuse struct {
		Region, Table string
		From          int
	}
	// Accept has it take all again.
	Accept struct{ Region, Table string }
	// Skip lets a dead letter go.
	Skip struct {
		Region, Table string
		ID            int
	}
	// Resolve decides a conflict.
	Resolve struct {
		Region, Table string
		ID            int
		Remote        bool
	}
	// Settle waits until everything has arrived that can.
	Settle struct{}
	// Expect is what must be so.
	Expect struct {
		Region string // "" in each
		Table  string
		ID     int
		What   Expectation
		Values []Assignment // of Row
		Number int          // of Count, Conflicts and Letters
		Kind   string       // of Conflict
	}
)

func (Commit) verb()  {}
func (Cut) verb()     {}
func (Heal) verb()    {}
func (Kill) verb()    {}
func (Skew) verb()    {}
func (Change) verb()  {}
func (Refuse) verb()  {}
func (Accept) verb()  {}
func (Skip) verb()    {}
func (Resolve) verb() {}
func (Settle) verb()  {}
func (Expect) verb()  {}

// Expectation is what is expected.
type Expectation uint8

// The expectations.
const (
	Row       Expectation = iota // the row has the values
	Gone                         // there is no such row
	Count                        // so many rows stand there
	Conflicts                    // so many are on record of the table
	Conflict                     // one is on record of the row
	Letters                      // so many of the table
	Held                         // the table is left as it stands
	Flows                        // it is not
)

// Operation is what a write does.
type Operation uint8

// The operations.
const (
	Insert Operation = iota
	Update
	Delete
	DeleteAll
	Truncate
)

// Write is one statement of an application.
type Write struct {
	Op       Operation
	Table    string
	ID, Last int // Insert: all from ID to Last; Update and Delete: ID
	Values   []Assignment
	MoveTo   int // Update: the new id; 0: it stays
}

// Assignment gives a column a value.
type Assignment struct {
	Column string
	Value  string
	Null   bool
	Add    bool // Value is added
}
