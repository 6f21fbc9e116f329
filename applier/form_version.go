package applier

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// FormVersion is the version of the form in which the applier keeps what it knows in the Store: the newest that this program reads, and the one that it writes.
//
//	1  of releases that wrote no version
//	2  the events of long histories are in blocks beside their registers, a foreign key that can take its rows away in two ways has two ties, which are named so,
//	   and rows in the middle of chains of foreign keys have what they were written as
//	3  conflicts are compressed, and there is where children follow a parent to that is given another key
//
// Anything in a new form is written only once its version is durable. What is in form 2 is read as it is.
const FormVersion = 3

// readableForm is the oldest version that stands in a Store and is read as it is.
const readableForm = 2

// versionKey has the version, in four bytes.
var versionKey = []byte("f")

// checkForm tells why this program must not work with what is in the Store. current: its version is the newest.
func checkForm(store relay.Store, parse func(relay.Flavour, []byte) (*relay.Table, error)) (current bool, err error) {
	data, err := store.Get(versionKey)
	switch {
	case errors.Is(err, relay.ErrNotFound):
		return false, checkFormer(store, parse)
	case err != nil:
		return false, fmt.Errorf("open the version index: %w", err)
	case len(data) != 4:
		return false, fmt.Errorf("open the version index: its version has %d bytes: %w", len(data), relay.ErrCorrupt)
	}
	version := binary.BigEndian.Uint32(data)
	switch {
	case version > FormVersion:
		return false, fmt.Errorf("open the version index: it was written by a newer octant (form %d, and this program knows %d): use that one, or load the region again with octant join and an empty data directory",
			version, FormVersion)
	case version < readableForm:
		return false, fmt.Errorf("open the version index: it has form %d, which no octant has written: %w", version, relay.ErrCorrupt)
	}
	return version == FormVersion, nil
}

// errFormerTies says that what is known cannot be carried over from the former form.
var errFormerTies = errors.New("open the version index: it was written by an older octant, and has rows of a foreign key with ON DELETE CASCADE and ON UPDATE SET NULL, whose ends were called otherwise: " +
	"run that one again, with all regions connected, until nothing is written to such tables and index_entries in octant.status is 0, and upgrade then")

// checkFormer looks for what the former form has that means something else in this one.
func checkFormer(store relay.Store, parse func(relay.Flavour, []byte) (*relay.Table, error)) error {
	x, err := openIndex(store, parse)
	if err != nil {
		return err
	}
	k, err := x.search("", func(r *conflict.Register) bool { return bothWays(r.Row.Parents) })
	if err == nil && k != "" {
		err = errFormerTies
	}
	return err
}

// bothWays tells whether a row is tied twice by one foreign key, by ties that do not say so.
func bothWays(parents []string) bool {
	for _, p := range parents {
		tie, ok := relay.ParseTie(p)
		if !ok || tie.Divided || tie.Rekeyed || tie.Unset {
			continue
		}
		rival := tie.Rival().Name()
		if slices.ContainsFunc(parents, func(q string) bool { other, ok := relay.ParseTie(q); return ok && other.Name() == rival }) {
			return true
		}
	}
	return false
}

func formVersion() []byte { return binary.BigEndian.AppendUint32(nil, FormVersion) }

// keepForm has the Store say that what is in it has the form of this program, before anything else is written.
func (a *Applier) keepForm(ctx context.Context) error {
	for attempt := 0; !a.formed; attempt++ {
		err := a.cfg.Store.Write(ctx, []relay.Pair{{Key: versionKey, Value: formVersion()}})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			a.formed = true
			return nil
		}
		a.cfg.Logger.Error("write the version of what the applier knows", "error", err)
		if err := relay.Sleep(ctx, a.cfg.Clock, backoff(attempt)); err != nil {
			return err
		}
	}
	return nil
}
