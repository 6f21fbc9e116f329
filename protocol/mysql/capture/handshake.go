package capture

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// register says everything that a MariaDB replica says before it asks for a dump by file and offset, in its order.
func (c *connection) register(config *Config) error {
	if _, err := c.query(fmt.Sprintf("SET @master_heartbeat_period=%d", config.HeartbeatPeriod.Nanoseconds())); err != nil {
		return err
	}
	if err := c.negotiateChecksum(); err != nil {
		return err
	}
	// 4: we know GTIDs; with less the server would rewrite them. See MARIA_SLAVE_CAPABILITY_GTID in sql/log_event.h.
	if _, err := c.query("SET @mariadb_slave_capability=4"); err != nil {
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

// negotiateChecksum has the server send checksums on what it makes for the connection too.
func (c *connection) negotiateChecksum() error {
	if _, err := c.query("SET @master_binlog_checksum=@@global.binlog_checksum"); err != nil {
		return err
	}
	r, err := c.query("SELECT @master_binlog_checksum")
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

// negotiateSemiSync offers to acknowledge, if the server is one that waits.
func (c *connection) negotiateSemiSync() error {
	r, err := c.query("SHOW VARIABLES LIKE 'rpl_semi_sync_master_enabled'")
	if err != nil {
		return err
	}
	if text(r, 0, 1) != "ON" {
		return nil
	}
	_, err = c.query("SET @rpl_semi_sync_slave=1")
	c.semiSync = err == nil
	return err
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

// annotate asks for ANNOTATE_ROWS events. They stand in the file; without them there would be holes.
const annotate = 0x2

// dump asks for everything from the place on. What the server sends from now on is events.
func (c *connection) dump(config *Config, at place) (*packets, error) {
	if at.offset > 1<<32-1 {
		return nil, fmt.Errorf("offset %d of %s does not fit into the request: keep max_binlog_size at 1 GiB and transactions below 3 GiB: %w",
			at.offset, at.file, relay.ErrRefused)
	}
	b := binary.LittleEndian.AppendUint32([]byte{mysql.COM_BINLOG_DUMP}, uint32(at.offset))
	b = binary.LittleEndian.AppendUint16(b, annotate)
	b = binary.LittleEndian.AppendUint32(b, config.ServerID)
	if err := c.send(append(b, at.file...)); err != nil {
		return nil, err
	}
	if err := c.raw().SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return newPackets(c.raw(), c.client.Sequence, config.ReadTimeout, c.semiSync), nil
}
