package ddl

import (
	_ "embed"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/connect"
)

//go:embed picture.sql
var pictureSQL string

//go:embed install.sql
var installSQL string

// PictureSQL asks for the picture of the relation with a schema $1 and a name $2. It gives no row if there is none.
var PictureSQL = pictureSQL + " n.nspname = $1 AND c.relname = $2"

// Schema is where the triggers keep what they need.
const Schema = "octant_definitions"

// settings of the triggers' functions: names are in full, and texts mean the same in every session, whatever the settings of who runs a statement are.
const settings = `SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET timezone = 'UTC' SET extra_float_digits = 3
  SET bytea_output = 'hex' SET lc_monetary = 'C' SET standard_conforming_strings = on SET quote_all_identifiers = off`

// Install is the script that makes the event triggers for a relay that logs in as user. A superuser runs it in the relay's database.
func Install(user string) string {
	return strings.NewReplacer("{{settings}}", settings, "{{picture}}", pictureSQL+" c.oid = $1", "{{user}}", connect.Identifier(user)).Replace(installSQL)
}

// Relation names a relation.
type Relation struct {
	Schema string `json:"schema"`
	Table  string `json:"table"`
}

func (r Relation) quoted() string { return connect.Table(r.Schema, r.Table) }

// Picture is what is known of a relation. Fields that do not fit its kind are empty.
type Picture struct {
	Kind         string       `json:"kind"` // pg_class.relkind
	Schema       string       `json:"schema"`
	Name         string       `json:"name"`
	Owner        string       `json:"owner"`
	Persistence  string       `json:"persistence"` // pg_class.relpersistence
	Options      []string     `json:"options"`
	Typed        bool         `json:"typed"`         // CREATE TABLE … OF
	PartitionKey string       `json:"partition_key"` // of a partitioned table
	Bound        string       `json:"bound"`         // of a partition
	Parents      []Relation   `json:"parents"`
	Partitions   []int64      `json:"partitions"` // their oids
	Columns      []Column     `json:"columns"`
	Constraints  []Constraint `json:"constraints"`
	Definition   string       `json:"definition"` // of a view its query, of an index the statement that makes it
	Unique       bool         `json:"unique"`     // of an index
	Invalid      bool         `json:"invalid"`    // of an index that is not finished
	Backs        bool         `json:"backs"`      // an index that belongs to a constraint
	On           Relation     `json:"on"`         // the table of an index
}

func (p *Picture) relation() Relation { return Relation{p.Schema, p.Name} }

// Column is a column of a table or view.
type Column struct {
	Number    int    `json:"number"` // stays when the name changes
	Name      string `json:"name"`
	Type      string `json:"type"` // as format_type says
	Domain    bool   `json:"domain"`
	NotNull   bool   `json:"not_null"`
	Default   string `json:"default"`   // or, of a generated column, what it is computed by
	Generated string `json:"generated"` // pg_attribute.attgenerated
	Identity  string `json:"identity"`  // pg_attribute.attidentity
	Start     int64  `json:"start"`     // of an identity column
	Increment int64  `json:"increment"`
	Collation string `json:"collation"` // if it is not the type's own
}

// Constraint is a constraint of a table, as pg_get_constraintdef says it.
type Constraint struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"` // pg_constraint.contype
	Definition string `json:"definition"`
	Deferrable bool   `json:"deferrable"`
}

// column returns the column with a number, nil if there is none.
func (p *Picture) column(number int) *Column {
	for i := range p.Columns {
		if p.Columns[i].Number == number {
			return &p.Columns[i]
		}
	}
	return nil
}

// named returns the column with a name, nil if there is none.
func (p *Picture) named(name string) *Column {
	for i := range p.Columns {
		if p.Columns[i].Name == name {
			return &p.Columns[i]
		}
	}
	return nil
}

// keyed tells whether rows of the table are replicated.
func (p *Picture) keyed() bool {
	for _, c := range p.Constraints {
		if c.Kind == "p" && !c.Deferrable {
			return true
		}
	}
	return false
}
