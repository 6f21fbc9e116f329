package capture

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// register says everything that a replica says before it asks for a dump.
func (c *connection) register(d dialect, config *Config) error {
	if err := d.introduce(c, config); err != nil {
		return err
	}
	if err := c.command(registration(config.ServerID)); err != nil {
		return refused(err)
	}
	if config.SemiSync {
		return c.negotiateSemiSync()
	}
	return nil
}

// checkChecksum makes sure that the server sends checksums, on what it makes for the connection too.
func (c *connection) checkChecksum(query string) error {
	r, err := c.query(query)
	if err != nil {
		return err
	}
	if sum := text(r, 0, 0); sum != "CRC32" {
		return noChecksum(sum)
	}
	return nil
}

func noChecksum(have string) error {
	return fmt.Errorf("the database's binlog_checksum is %q: SET GLOBAL binlog_checksum=CRC32: %w", have, relay.ErrRefused)
}

// semiSyncOffers are how a server is told that the replica acknowledges, by the variable with which it says that it waits. MySQL has new
// names since 8.0.26, in plugins of their own.
var semiSyncOffers = map[string]string{
	"rpl_semi_sync_master_enabled": "SET @rpl_semi_sync_slave=1",
	"rpl_semi_sync_source_enabled": "SET @rpl_semi_sync_replica=1",
}

// negotiateSemiSync offers to acknowledge, if the server is one that waits.
func (c *connection) negotiateSemiSync() error {
	r, err := c.query("SHOW GLOBAL VARIABLES LIKE 'rpl_semi_sync%enabled'")
	if err != nil {
		return err
	}
	for i := range r.RowNumber() {
		offer, ok := semiSyncOffers[strings.ToLower(text(r, i, 0))]
		if !ok || text(r, i, 1) != "ON" {
			continue
		}
		_, err := c.query(offer)
		c.semiSync = err == nil
		return err
	}
	return nil
}

// registration is COM_REGISTER_SLAVE with neither host nor login, so that SHOW SLAVE HOSTS names the relay by its id.
func registration(id uint32) []byte {
	b := binary.LittleEndian.AppendUint32([]byte{mysql.COM_REGISTER_SLAVE}, id)
	b = append(b, 0, 0, 0)                        // host, user, password
	b = binary.LittleEndian.AppendUint16(b, 0)    // port
	b = binary.LittleEndian.AppendUint32(b, 0)    // rank, unused
	return binary.LittleEndian.AppendUint32(b, 0) // primary's id, filled in by the server
}

// command sends a command and takes its OK.
func (c *connection) command(payload []byte) error {
	if err := c.send(payload); err != nil {
		return err
	}
	answer, err := c.client.ReadPacket()
	if err != nil {
		return err
	}
	if len(answer) > 0 && answer[0] == mysql.OK_HEADER {
		return nil
	}
	return serverError(answer)
}

// send writes a command's packet.
func (c *connection) send(payload []byte) error {
	c.client.ResetSequence()
	return c.client.WritePacket(append(make([]byte, 4), payload...)) // the client fills in the packet's header
}

// maxDumpOffset is the largest offset that a dump can be asked for from.
const maxDumpOffset = 1<<32 - 1

// dump asks for everything from the place on. What the server sends from now on is events.
func (c *connection) dump(config *Config, flags uint16, at place) (*packets, error) {
	b := binary.LittleEndian.AppendUint32([]byte{mysql.COM_BINLOG_DUMP}, uint32(at.offset))
	b = binary.LittleEndian.AppendUint16(b, flags)
	b = binary.LittleEndian.AppendUint32(b, config.ServerID)
	if err := c.send(append(b, at.file...)); err != nil {
		return nil, err
	}
	if err := c.raw().SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return newPackets(c.raw(), c.client.Sequence, config.ReadTimeout, c.semiSync), nil
}
