package console

import (
	"context"
	"fmt"
	"net/http"
)

func (c *Console) pause(w http.ResponseWriter, r *http.Request, s *session) {
	c.steer(w, r, s, "pause", c.cfg.Controller.Pause, "Region %s is paused here: nothing of it is taken or applied until it is resumed.")
}

func (c *Console) resume(w http.ResponseWriter, r *http.Request, s *session) {
	c.steer(w, r, s, "resume", c.cfg.Controller.Resume, "Region %s is resumed.")
}

// steer does something with a peer, and says on the next page what came of it.
func (c *Console) steer(
	w http.ResponseWriter, r *http.Request, s *session, word string, do func(context.Context, string) error, done string,
) {
	peer := r.PathValue("peer")
	err := do(r.Context(), peer)
	c.cfg.Logger.Info("a user steers the relay", "user", s.user, "host", hostOf(r), "action", word, "peer", peer, "error", err)
	if err != nil {
		s.say(notice{Text: fmt.Sprintf("Could not %s region %s: %v", word, peer, err), Bad: true})
	} else {
		s.say(notice{Text: fmt.Sprintf(done, peer)})
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
