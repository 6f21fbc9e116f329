package primary

import (
	"context"
	"errors"
	"io"
	"net"
	"os"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/feed"
	"github.com/octant-db/octant/relay"
)

// register takes COM_REGISTER_SLAVE, by which a replica says who it is before it dumps.
func (c *session) register(data []byte) error {
	if err := c.need(RoleReplicate); err != nil {
		return err
	}
	r, err := parseRegister(data)
	if err == nil {
		c.registered = r
		c.log.Info("replica registered", "server_id", r.serverID, "host", r.host, "port", r.port)
	}
	return err
}

// binlogDump takes COM_BINLOG_DUMP. It returns an error where nothing was sent yet; after that the stream itself ends with what is to be
// said, and the connection with it.
func (c *session) binlogDump(data []byte) error {
	if err := c.need(RoleReplicate); err != nil {
		return err
	}
	command, err := parseDump(data)
	if err != nil {
		return err
	}
	if c.variables.has(feed.VariableHello) {
		return c.stream(kindRelay, options{}, feedBytes, c.publish)
	}
	return c.serveDump(command)
}

// binlogDumpGTID takes COM_BINLOG_DUMP_GTID, by which MySQL's replicas say what they hold.
func (c *session) binlogDumpGTID(data []byte) error {
	if err := c.need(RoleReplicate); err != nil {
		return err
	}
	command, err := parseDumpGTID(data)
	if err != nil {
		return err
	}
	return c.serveDump(command)
}

func (c *session) serveDump(command dumpCommand) error {
	if err := c.srv.foreign(); err != nil {
		return err
	}
	says := c.srv.dialectFor(command, c.variables)
	o, err := says.options(command, c.variables)
	if err != nil {
		return err
	}
	if c.srv.isSource(says, c.registered.serverID) {
		return says.sameAsSource()
	}
	c.srv.evict(c, o.serverID, o.uuid)
	return c.stream(kindReplica, o, dumpBytes, func(ctx context.Context, w *packetWriter) error {
		defer c.follows()
		return newDump(c, w, says, o).run(ctx)
	})
}

// follows tells where the replica is now.
func (c *session) follows() {
	if status, active := c.progress.get(); active {
		c.srv.cfg.Followed(status)
	}
}

// What a stream holds in memory: the buffer to be written, and what was read ahead.
const (
	dumpBytes = bufferSize + batchBytes
	feedBytes = bufferSize + aheadBytes
)

// stream runs a dump or feed beside a goroutine that notices when the client goes, and writes the last packet.
func (c *session) stream(kind string, o options, bytes int64, run func(context.Context, *packetWriter) error) error {
	if !c.srv.memory.take(bytes) {
		return errNoRoom()
	}
	defer c.srv.memory.give(bytes)
	if err := boundUnanswered(c.raw.Conn); err != nil {
		return err
	}
	nc := c.conn.Conn.Conn // TLS, if there is
	c.progress.start(relay.ReplicaStatus{
		Connection: c.id(), ServerID: o.serverID, Kind: kind, User: c.name(), Host: c.host(), Since: c.srv.cfg.Now(),
		ReportHost: c.registered.host, ReportPort: c.registered.port, UUID: o.uuid,
	}, o.uuid, o.byGTID)
	defer c.progress.stop()
	c.activity.begin(c.srv.cfg.Now(), "", c.cancel)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		c.watch(nc)
	}()
	w := newPacketWriter(nc, c.srv.cfg.WriteTimeout, func() bool { return c.ctx.Err() != nil })
	err := run(c.ctx, w)
	if c.ctx.Err() != nil {
		err = context.Cause(c.ctx)
	}
	c.ended(kind, o.serverID, w.sent, err)
	if ferr := c.farewell(w, err); ferr != nil {
		c.log.Debug("last packet not sent", "err", ferr)
	}
	c.cancel(err)
	c.raw.Close()
	<-gone
	return err
}

// ended writes why a stream ended.
func (c *session) ended(kind string, serverID uint32, sent uint64, err error) {
	log := c.log.With("kind", kind, "server_id", serverID, "sent", sent)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		log.Warn("client cut off: it takes too long to take what it is sent", "limit", c.srv.cfg.WriteTimeout)
		return
	}
	reason := "done"
	if err != nil {
		reason = err.Error()
	}
	log.Info("stream ended", "reason", reason)
}

func (c *session) farewell(w *packetWriter, err error) error {
	var network net.Error
	var answer *mysql.MyError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.timeout = farewell
		return w.finish(errPacket(mysql.NewDefaultError(mysql.ER_NET_WRITE_INTERRUPTED)))
	case errors.Is(err, errGone) || errors.As(err, &network):
		return nil
	case errors.Is(err, io.EOF):
		return w.finish(eofPacket())
	case c.ctx.Err() != nil && !errors.As(err, &answer), errors.Is(err, relay.ErrClosed):
		// Whatever cause the server's context ended with: that a relay stops is no refusal.
		return w.finish(errPacket(shutdown()))
	}
	return w.finish(errPacket(serverError(err)))
}
