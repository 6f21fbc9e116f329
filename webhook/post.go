package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/octant-db/octant/relay"
)

// run sends one event after the other until ctx ends.
func (r *receiver) run(ctx context.Context) error {
	for {
		if err := r.kept.Wait(ctx, r.waiting); err != nil {
			return err
		}
		if err := r.rest(ctx); err != nil {
			return err
		}
		err := r.sendFirst(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.note(err)
	}
}

func (r *receiver) waiting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first < r.next
}

// rest waits until the breaker lets an attempt pass, and a little longer, so that many relays do not come at once.
func (r *receiver) rest(ctx context.Context) error {
	for {
		r.mu.Lock()
		now := r.s.cfg.Clock.Now()
		pass, pause := r.breaker.Allow(now), r.breaker.Next().Sub(now)
		r.mu.Unlock()
		if pass {
			return nil
		}
		pause += time.Duration(float64(pause) / 4 * r.s.cfg.Jitter())
		if err := relay.Sleep(ctx, r.s.cfg.Clock, pause); err != nil {
			return err
		}
	}
}

func (r *receiver) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.s.cfg.Clock.Now()
	if err == nil {
		if !r.breaker.Closed() {
			r.s.cfg.Logger.Info("a webhook takes events again", "webhook", whereabouts(r.hook.URL))
			r.breaker.Succeed(now)
		}
		return
	}
	if r.breaker.Opened() == 0 || r.breaker.Failures() == 0 {
		r.s.cfg.Logger.Warn("a webhook does not take an event: it is sent again", "webhook", whereabouts(r.hook.URL), "error", err)
	}
	r.breaker.Fail(now, err.Error())
}

// sendFirst sends the oldest event, and takes it out of the outbox once it has been taken.
func (r *receiver) sendFirst(ctx context.Context) error {
	r.mu.Lock()
	n := r.first
	r.mu.Unlock()
	body, err := r.s.cfg.Store.Get(r.key(n))
	switch {
	case errors.Is(err, relay.ErrNotFound): // it was sent before a crash
	case err != nil:
		return fmt.Errorf("read the outbox: %w", err)
	default:
		if err := r.post(ctx, body); err != nil {
			return err
		}
		if err := r.s.cfg.Store.Write(ctx, []relay.Pair{{Key: r.key(n)}}); err != nil {
			return fmt.Errorf("take an event out of the outbox: %w", err)
		}
	}
	r.mu.Lock()
	r.first = n + 1
	r.mu.Unlock()
	return nil
}

// post sends a document. Only an answer of 2xx means that it was taken.
func (r *receiver) post(ctx context.Context, body []byte) error {
	var d document
	if err := json.Unmarshal(body, &d); err != nil {
		return fmt.Errorf("read an event: %w", relay.ErrCorrupt)
	}
	ctx, cancel := context.WithTimeout(ctx, r.s.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.hook.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("post an event: the address is not valid")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "octant")
	req.Header.Set("Idempotency-Key", d.ID)
	req.Header.Set("Octant-Signature", Sign(r.hook.Secret, r.s.cfg.Clock.Now(), body))
	res, err := r.s.cfg.Client.Do(req)
	if err != nil {
		return fmt.Errorf("post an event: %w", harmless(err))
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("post an event: the receiver answered %s", res.Status)
	}
	return nil
}

// harmless leaves the address out of an error: it may hold a secret.
func harmless(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// Sign makes the value of Octant-Signature.
func Sign(secret string, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
