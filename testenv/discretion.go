package testenv

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
)

// Untold is a part of values that are written to databases. No relay may have it in its log, in any form.
const Untold = "untold-value"

// indiscretions tells what a relay's log has that must be in none: the bed's password, or values of rows. All of the log is read, whatever befell the relay.
func (b *Bed) indiscretions(r *Region) error {
	log, err := os.ReadFile(r.Relay.logPath())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for what, secret := range map[string]string{"the accounts' password": b.Password, "a row's value": Untold} {
		for _, form := range []string{secret, hex.EncodeToString([]byte(secret)), base64.RawStdEncoding.EncodeToString([]byte(secret))[:8]} {
			if at := bytes.Index(log, []byte(form)); at >= 0 {
				err = errors.Join(err, fmt.Errorf("the log of the relay of region %s has %s: %q", r.Name, what, lineAt(log, at)))
			}
		}
	}
	return err
}

// lineAt is the line of a text that has the place in it.
func lineAt(text []byte, at int) []byte {
	begin := bytes.LastIndexByte(text[:at], '\n') + 1
	line, _, _ := bytes.Cut(text[begin:], []byte("\n"))
	return line
}
