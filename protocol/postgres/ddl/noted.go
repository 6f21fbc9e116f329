package ddl

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Prefix is that of the messages in which the triggers tell.
const Prefix = "octant.definition"

// Noted is what the triggers have told of one command and one object, or of all that a DROP took away.
type Noted struct {
	Tag          string    `json:"tag"`  // of the command, such as ALTER TABLE
	Type         string    `json:"type"` // of the object, such as table
	Schema       string    `json:"schema"`
	Identity     string    `json:"identity"` // the object's name, quoted and with its schema
	Name, Owner  string    // of a schema that was made
	Before       *Picture  `json:"before"`
	After        *Picture  `json:"after"`
	Column       string    `json:"column"`  // that a comment is on
	Comment      *string   `json:"comment"` // nil: it was taken away
	Dropped      []Dropped `json:"dropped"`
	Concurrently bool      `json:"concurrently"` // the command's text says so
	Failed       string    `json:"failed"`       // why the triggers cannot tell more
	XID          uint32    `json:"xid"`          // the transaction
}

// Dropped is an object that a DROP took away.
type Dropped struct {
	Type     string   `json:"type"`
	Schema   string   `json:"schema"`
	Name     string   `json:"name"`
	Identity string   `json:"identity"`
	Before   *Picture `json:"before"`
}

// sealed is the length of a seal in front of a message.
const sealed = 2 * sha256.Size

var errMalformed = errors.New("what a trigger has told of a definition is not understood")

// Parse reads a message's content. It does not look at its seal.
func Parse(content []byte) (*Noted, error) {
	if len(content) < sealed {
		return nil, errMalformed
	}
	n := &Noted{}
	if err := json.Unmarshal(content[sealed:], n); err != nil || n.Tag == "" {
		return nil, fmt.Errorf("%w: another version of the triggers wrote it", errMalformed)
	}
	return n, nil
}

// Genuine tells whether a message's content was written by triggers with this secret. They alone can read it, and the relay.
func Genuine(content []byte, secret string) bool {
	if len(content) < sealed || secret == "" {
		return false
	}
	sum := sha256.Sum256(append([]byte(secret), content[sealed:]...))
	want := hex.AppendEncode(nil, sum[:])
	return subtle.ConstantTimeCompare(want, content[:sealed]) == 1
}
