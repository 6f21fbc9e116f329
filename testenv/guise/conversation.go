package guise

import (
	"bufio"
	"bytes"
	"net"
	"slices"
	"sync/atomic"
)

// Commands, as the first byte of a packet says them.
const (
	commandQuery   = 0x03
	commandPrepare = 0x16
	commandDump    = 0x12
	commandDumpBy  = 0x1e // by GTID
)

// conversation is one connection.
type conversation struct {
	guise          *Guise
	client, server net.Conn

	fromClient, fromServer *bufio.Reader

	attributes bool // the client says before a query which attributes it has

	reading atomic.Pointer[reading] // how the server's answer is read; nil: as it is
}

// reading is what a packet of the server becomes.
type reading func(packet) (packet, error)

// commands carries what the client says, in other words where the edition has others.
func (c *conversation) commands() {
	continued := false
	for {
		p, err := readPacket(c.fromClient)
		if err != nil {
			return
		}
		if !continued && p.sequence() == 0 && len(p.payload()) > 0 {
			p = c.command(p)
		}
		continued = p.continued()
		if _, err := c.server.Write(p); err != nil {
			return
		}
	}
}

// command is what is sent in place of a command. How its answer is read is settled before the server has it.
func (c *conversation) command(p packet) packet {
	b := p.payload()
	c.reading.Store(c.readingOf(b))
	if b[0] != commandQuery && b[0] != commandPrepare || p.continued() { // rows, if it is so long
		return p
	}
	head, statement := b[:1], string(b[1:])
	if c.attributes && b[0] == commandQuery && bytes.HasPrefix(b[1:], noAttributes) {
		head, statement = b[:3], string(b[3:])
	}
	text, known := c.guise.edition.say(statement)
	if !known {
		c.guise.refused(statement)
	}
	if text == statement {
		return p
	}
	return newPacket(0, append(slices.Clone(head), text...))
}

// readingOf is how the answer to a command is read.
func (c *conversation) readingOf(command []byte) *reading {
	var r reading
	switch {
	case command[0] == commandDump || command[0] == commandDumpBy:
		r = c.describe
	case command[0] == commandQuery && grantsShown.Match(bytes.TrimPrefix(command[1:], noAttributes)):
		r = c.rename
	default:
		return nil
	}
	return &r
}

func (c *conversation) describe(p packet) (packet, error) {
	return redescribed(p, c.guise.edition.Version)
}

// rename shows a line of SHOW GRANTS in the edition's names.
func (c *conversation) rename(p packet) (packet, error) {
	b := p.payload()
	at := bytes.Index(b, []byte("GRANT "))
	if at != 1 && at != 3 { // its length comes first, in one byte or in three
		return p, nil
	}
	text := []byte(c.guise.edition.renamed(string(b[at:])))
	length := []byte{byte(len(text))}
	if len(text) > 250 {
		length = []byte{0xfc, byte(len(text)), byte(len(text) >> 8)}
	}
	return newPacket(p.sequence(), append(length, text...)), nil
}

// answers carries what the server says.
func (c *conversation) answers() {
	continued := false
	for {
		p, err := readPacket(c.fromServer)
		if err != nil {
			return
		}
		more := p.continued()
		if read := c.reading.Load(); read != nil && !continued {
			if p, err = (*read)(p); err != nil {
				return
			}
		}
		continued = more
		if _, err := c.client.Write(p); err != nil {
			return
		}
	}
}
