package guise

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// What packets of a login begin with.
const (
	isMore       = 0x01
	isSwitch     = 0xfe
	wantsWhole   = 4    // in isMore: the password itself, enciphered
	keyRequested = 0x02 // by the client
)

// errDenied says that a login was refused; the client has been told.
var errDenied = errors.New("the login was refused")

// login carries the greeting and the client's answer, and all that a native password asks for. What follows of the login is carried like anything else.
func (c *conversation) login() error {
	greeting, err := readPacket(c.fromServer)
	if err != nil {
		return err
	}
	shown, err := disguised(greeting, c.guise.edition.Version)
	if err != nil {
		return err
	}
	if _, err := c.client.Write(shown); err != nil {
		return err
	}
	answer, err := readPacket(c.fromClient)
	if err != nil {
		return err
	}
	c.attributes = announcesAttributes(answer)
	password := c.guise.nativePassword()
	if password == "" {
		_, err := c.server.Write(answer)
		return err
	}
	if err := c.demand(answer.sequence(), password); err != nil {
		return err
	}
	return c.vouch(answer, saltOf(greeting), password)
}

// demand has the client prove with mysql_native_password that it knows the password: see "Native Authentication" in the description of the protocol.
func (c *conversation) demand(sequence byte, password string) error {
	const plugin = "mysql_native_password\x00"
	salt := make([]byte, 20)
	_, _ = rand.Read(salt) // never fails: see crypto/rand
	for i := range salt {
		salt[i] = 1 + salt[i]%127 // it is a string
	}
	ask := append(append([]byte{isSwitch}, plugin...), salt...)
	if _, err := c.client.Write(newPacket(sequence+1, append(ask, 0))); err != nil {
		return err
	}
	proof, err := readPacket(c.fromClient)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(proof.payload(), native(password, salt)) == 1 {
		return nil
	}
	const denied = "\xff\x15\x04#28000Access denied by mysql_native_password"
	_, err = c.client.Write(newPacket(sequence+3, []byte(denied)))
	return errors.Join(errDenied, err)
}

// native is the proof of a password.
func native(password string, salt []byte) []byte {
	once := sha1.Sum([]byte(password))
	twice := sha1.Sum(once[:])
	proof := sha1.Sum(append(bytes.Clone(salt), twice[:]...))
	return xor(proof[:], once[:])
}

func xor(text, key []byte) []byte {
	out := make([]byte, len(text))
	for i := range text {
		out[i] = text[i] ^ key[i%len(key)]
	}
	return out
}

// saltOf is what the server's own plugin mixes into passwords: 20 bytes in two places of the greeting.
func saltOf(greeting packet) []byte {
	b := greeting.payload()
	at := 1 + bytes.IndexByte(b[1:], 0) + 1 + 4
	second := at + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10
	return append(bytes.Clone(b[at:at+8]), b[second:second+12]...)
}

// vouch logs in at the server, which knows the account by caching_sha2_password, with what the client has said for that, and tells the client how it ended.
func (c *conversation) vouch(answer packet, salt []byte, password string) error {
	if _, err := c.server.Write(answer); err != nil {
		return err
	}
	for {
		p, err := readPacket(c.fromServer)
		if err != nil {
			return err
		}
		b := p.payload()
		switch {
		case len(b) == 2 && b[0] == isMore && b[1] == wantsWhole:
			if err := c.reveal(p.sequence(), salt, password); err != nil {
				return err
			}
		case len(b) > 0 && b[0] == isMore: // it knows the account already
		default:
			_, err := c.client.Write(newPacket(answer.sequence()+3, b))
			return err
		}
	}
}

// reveal tells the server a password, enciphered with its key.
func (c *conversation) reveal(sequence byte, salt []byte, password string) error {
	if _, err := c.server.Write(newPacket(sequence+1, []byte{keyRequested})); err != nil {
		return err
	}
	p, err := readPacket(c.fromServer)
	if err != nil {
		return err
	}
	key, err := publicKey(p.payload())
	if err != nil {
		return err
	}
	hidden, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key, xor([]byte(password+"\x00"), salt), nil)
	if err != nil {
		return fmt.Errorf("encipher the password: %w", err)
	}
	_, err = c.server.Write(newPacket(p.sequence()+1, hidden))
	return err
}

func publicKey(payload []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(bytes.TrimPrefix(payload, []byte{isMore}))
	if block == nil {
		return nil, errors.New("read the server's key: it is none")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the server's key: %w", err)
	}
	public, isRSA := key.(*rsa.PublicKey)
	if !isRSA {
		return nil, errors.New("read the server's key: it is not one of RSA")
	}
	return public, nil
}
