package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	fetchTimeout = 5 * time.Second
	maxSnapshot  = 64 << 20 // bytes
)

// Fetch asks a relay for a snapshot.
type Fetch func(ctx context.Context) (Snapshot, error)

// FromHTTP asks the relay whose listen.http is address, a host:port. A nil client is one of its own.
func FromHTTP(client *http.Client, address string) Fetch {
	if client == nil {
		client = &http.Client{Timeout: fetchTimeout}
	}
	return func(ctx context.Context) (Snapshot, error) {
		s, err := fetch(ctx, client, "http://"+address+Path)
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("ask the relay at %s (listen.http): %w", address, err)
		}
		return s, err
	}
}

func fetch(ctx context.Context, client *http.Client, url string) (s Snapshot, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return s, err
	}
	response, err := client.Do(request)
	if err != nil {
		return s, fmt.Errorf("no answer; is the relay running? %w", inner(err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxSnapshot))
	switch {
	case err != nil:
		return s, fmt.Errorf("read the answer: %w", err)
	case response.StatusCode != http.StatusOK:
		return s, fmt.Errorf("it answered %s; is that a relay of this version?", response.Status)
	case !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json"):
		return s, errors.New("the answer is not JSON; is that a relay?")
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, fmt.Errorf("read the answer; is that a relay of this version? %w", err)
	}
	return s, nil
}

// inner leaves out the method and the URL, which are said anyway.
func inner(err error) error {
	if e := errors.Unwrap(err); e != nil {
		return e
	}
	return err
}
