package scenarios

import "time"

// World is what a scenario is played in: regions that have its tables, triggers and first rules already. Its methods are called one after the other.
type World interface {
	// Commit runs an application's transaction. A write that does not do what it says is an error.
	Commit(region string, writes []Write) error
	Cut(region, to string) error // to "": from all others
	Heal() error
	Kill(Kill) error
	Skew(region string, by time.Duration) error
	Change(Rule) error
	Refuse(Refuse) error
	Accept(region, table string) error
	Skip(region, table string, id int) error
	Resolve(Resolve) error
	// Settle waits until everything has arrived that can, over the links that are not cut.
	Settle() error

	// Await returns once the check holds, or what it says for too long.
	Await(check func() error) error
	Rows(region, table string) (map[int]Values, error)
	// Conflicts lists what is on record, without order.
	Conflicts(region, table string) ([]Noted, error)
	// Letters counts the rows that the region's database refuses.
	Letters(region, table string) (int, error)
	// Held tells whether the region leaves the table as it stands.
	Held(region, table string) (bool, error)
}

// Values are a row's, by column. A column without a value is not in it.
type Values map[string]string

// Noted is a conflict on record.
type Noted struct {
	ID   int // of the row
	Kind string
}
