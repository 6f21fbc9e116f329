package console

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/octant-db/octant/relay"
)

// decide has another row of a conflict stand, or one that the form has, and says on the next page what came of it.
func (c *Console) decide(w http.ResponseWriter, r *http.Request, s *session) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil {
		c.refuse(w, r, s, http.StatusNotFound, "There is no such conflict.")
		return
	}
	choice, err := choiceOf(r)
	if err == nil {
		err = c.cfg.Controller.Resolve(r.Context(), id, choice)
	}
	c.cfg.Logger.Info("a user steers the relay", "user", s.user, "host", hostOf(r), "action", "resolve", "conflict", id, "error", err)
	switch {
	case errors.Is(err, relay.ErrNotFound):
		s.say(notice{Text: fmt.Sprintf("Conflict %d is not on record any more.", id)})
	case err != nil:
		s.say(notice{Text: fmt.Sprintf("Could not resolve conflict %d: %v", id, err), Bad: true})
	default:
		s.say(notice{Text: fmt.Sprintf("The row of conflict %d has been written as you decided; it goes to every region.", id)})
	}
	http.Redirect(w, r, "/conflicts", http.StatusSeeOther)
}

var errNoChoice = errors.New("say which row shall stand")

// choiceOf is what the form says, in the words of relay.Controller.Resolve.
func choiceOf(r *http.Request) (string, error) {
	switch word := r.PostFormValue("choice"); word {
	case "local", "remote":
		return word, nil
	case "row":
		return givenRow(r)
	}
	return "", errNoChoice
}

// givenRow is the row that a form has, "" if it says that the row shall be deleted.
func givenRow(r *http.Request) (string, error) {
	row := strings.TrimSpace(r.PostFormValue("row"))
	if r.PostFormValue("delete") != "" {
		return "", nil
	}
	if row == "" {
		return "", errEmptyRow
	}
	return row, nil
}
