package config

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The password in the source file is, in this order: left out, which means the configuration's; the "env:" or "file:" that CHANGE MASTER TO
// named; enciphered with a key made of region.log_key; or, without such a key, as it is, in a file that only its owner can read.

// PasswordOf reads a password that an operator gave: "env:NAME" and "file:/absolute/path" stand for what is there. from is that reference,
// "" if there is none. Errors never have the password in them.
func PasswordOf(given string) (password Secret, from string, err error) {
	path, isFile := strings.CutPrefix(given, "file:")
	switch {
	case isFile && !filepath.IsAbs(path):
		return "", "", errors.New("the password's file: is not an absolute path: the relay's working directory may be another one after a restart")
	case !isFile && !strings.HasPrefix(given, "env:"):
		return Secret(given), "", nil
	}
	value, err := resolver{lookup: os.LookupEnv}.value(given)
	if err != nil {
		return "", "", fmt.Errorf("read the password: %w", err)
	}
	return Secret(value), given, nil
}

// setPassword writes the database's password into the file.
func (f *sourceFile) setPassword(c *Config, d Database) error {
	switch {
	case d.Password == c.Configured.Password && d.PasswordFrom == "":
		return nil
	case d.PasswordFrom != "":
		f.Password = &d.PasswordFrom
		return nil
	case c.Region.LogKey == "":
		plain := string(d.Password)
		f.Password = &plain
		return nil
	}
	aead, err := sourceCipher(c.Region.LogKey)
	if err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	f.Sealed = base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(d.Password), nil))
	return nil
}

// password reads the password out of the file into d, which has the configuration's.
func (f *sourceFile) password(c *Config, d *Database) (err error) {
	switch {
	case f.Password != nil:
		d.Password, d.PasswordFrom, err = PasswordOf(*f.Password)
	case f.Sealed != "":
		d.Password, err = f.open(c.Region.LogKey)
	}
	return err
}

var errSealed = errors.New("password_sealed cannot be read: region.log_key is not the one that it was written with; CHANGE MASTER TO … MASTER_PASSWORD writes it anew, or remove the file")

func (f *sourceFile) open(key Secret) (Secret, error) {
	sealed, err := base64.StdEncoding.DecodeString(f.Sealed)
	if err != nil || key == "" {
		return "", errSealed
	}
	aead, err := sourceCipher(key)
	if err != nil {
		return "", err
	}
	if len(sealed) < aead.NonceSize() {
		return "", errSealed
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
	if err != nil {
		return "", errSealed
	}
	return Secret(plain), nil
}

// sourceCipher uses a key of its own, so that the one of the log is used for the log alone.
func sourceCipher(logKey Secret) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(logKey), nil, "octant source.toml password", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
