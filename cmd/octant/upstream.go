package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"github.com/octant-db/octant/internal/admin"
	"github.com/octant-db/octant/internal/config"
)

// upstream changes the database behind a relay that is running.
type upstream struct {
	*live
	identity func() identity
}

// Source implements admin.Upstream.
func (u upstream) Source() admin.Source {
	u.mu.RLock()
	d := u.cfg.Database
	u.mu.RUnlock()
	database := u.identity()
	return admin.Source{
		ServerID: database.serverID, DomainID: database.domainID, UUID: database.uuid, Version: database.version,
		Address: d.Address, User: d.User, TLS: d.TLS.Mode != config.TLSOff && d.TLS.Mode != "", Verify: d.TLS.Mode == config.TLSVerify,
		CA: d.TLS.CA, Cert: d.TLS.Cert, Key: d.TLS.Key, Override: d.Override,
	}
}

// Change implements admin.Upstream. The new source is written down before the relay goes over to it.
func (u upstream) Change(ctx context.Context, to admin.SourceChange) error {
	u.changing.Lock()
	defer u.changing.Unlock()
	if !u.Status().Capture.Stopped {
		return errors.New("the source has been started meanwhile: STOP SLAVE first")
	}
	before := u.cfg.Database
	d, err := changed(before, to)
	if err != nil {
		return err
	}
	if _, err := d.TLS.Config(d.Address); err != nil {
		return err
	}
	if err := u.set(d); err != nil {
		return err
	}
	if err := u.move(ctx, u.cfg.Database); err != nil {
		return errors.Join(err, u.set(before))
	}
	u.log.Warn("the relay has gone over to another database", "database", d.Address, "before", before.Address)
	return nil
}

// set writes down which database the relay works with.
func (u upstream) set(d config.Database) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.cfg.SetSource(d)
}

// changed is the database after what CHANGE MASTER TO says.
func changed(d config.Database, to admin.SourceChange) (config.Database, error) {
	host, port, err := net.SplitHostPort(d.Address)
	if err != nil {
		return d, fmt.Errorf("read the address of the database: %w", err)
	}
	put(&host, to.Host)
	put(&d.User, to.User)
	if to.Port != nil {
		port = strconv.Itoa(int(*to.Port))
	}
	if to.Password != nil {
		if d.Password, d.PasswordFrom, err = config.PasswordOf(*to.Password); err != nil {
			return d, err
		}
	}
	if host == "" || port == "0" || d.User == "" {
		return d, errors.New("a source needs a host, a port and a user: MASTER_HOST, MASTER_PORT, MASTER_USER")
	}
	d.Address = net.JoinHostPort(host, port)
	d.TLS, err = changedTLS(d.TLS, to)
	return d, err
}

func put(to *string, value *string) {
	if value != nil {
		*to = *value
	}
}

func changedTLS(t config.TLS, to admin.SourceChange) (config.TLS, error) {
	put(&t.CA, to.CA)
	put(&t.Cert, to.Cert)
	put(&t.Key, to.Key)
	switch {
	case to.TLS != nil && !*to.TLS:
		t.Mode = config.TLSOff
	case to.Verify != nil && *to.Verify:
		t.Mode = config.TLSVerify
	case to.Verify != nil && t.Mode == config.TLSVerify, to.TLS != nil && t.Mode != config.TLSVerify:
		t.Mode = config.TLSRequired
	}
	for _, path := range []string{t.CA, t.Cert, t.Key} {
		if path != "" && !filepath.IsAbs(path) {
			return t, fmt.Errorf("%s is not an absolute path: the relay's working directory may be another one after a restart", path)
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return t, errors.New("a certificate and its key belong together: MASTER_SSL_CERT, MASTER_SSL_KEY")
	}
	return t, nil
}
