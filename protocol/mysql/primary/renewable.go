package primary

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// renewable is a certificate in files that somebody else renews.
type renewable struct {
	cert, key string

	mu      sync.Mutex
	changed time.Time // of both files together
	pair    *tls.Certificate
}

// load returns the certificate, read again if a file changed.
func (r *renewable) load() (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed, err := r.modified()
	if err == nil && r.pair != nil && changed.Equal(r.changed) {
		return r.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(r.cert, r.key)
	if err != nil {
		return nil, fmt.Errorf("load the server's certificate: %w", err)
	}
	r.pair, r.changed = &pair, changed
	return r.pair, nil
}

func (r *renewable) modified() (time.Time, error) {
	var latest time.Time
	for _, file := range []string{r.cert, r.key} {
		info, err := os.Stat(file)
		if err != nil {
			return latest, err
		}
		if info.ModTime().After(latest) {
			latest = info.ModTime()
		}
	}
	return latest, nil
}

// configFor gives each client the certificate of now; one that cannot be read at the moment leaves the last good one.
func (r *renewable) configFor(base *tls.Config) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	return func(*tls.ClientHelloInfo) (*tls.Config, error) {
		pair, err := r.load()
		if err != nil {
			r.mu.Lock()
			pair = r.pair
			r.mu.Unlock()
		}
		cfg := base.Clone()
		cfg.GetConfigForClient, cfg.Certificates = nil, []tls.Certificate{*pair}
		return cfg, nil
	}
}
