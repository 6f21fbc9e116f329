package primary

import (
	"context"
	"errors"
	"io"
	"net"

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
	if _, ok := c.variables[feed.VariableHello]; ok {
		return c.stream(kindRelay, 0, c.publish)
	}
	for _, name := range []string{"slave_uuid", "replica_uuid"} {
		if _, ok := c.variables[name]; ok {
			return errWrongFlavour()
		}
	}
	o, err := dumpOptions(command, c.variables)
	if err != nil {
		return err
	}
	c.srv.evict(c, command.serverID)
	return c.stream(kindReplica, command.serverID, func(ctx context.Context, w *packetWriter) error {
		return newDump(c, w, o).run(ctx)
	})
}

// stream runs a dump or feed beside a goroutine that notices when the client goes, and writes the last packet.
func (c *session) stream(kind string, serverID uint32, run func(context.Context, *packetWriter) error) error {
	nc := c.conn.Conn.Conn // TLS, if there is
	c.progress.start(relay.ReplicaStatus{
		Connection: c.id(), ServerID: serverID, Kind: kind, User: c.name(), Host: c.host(), Since: c.srv.cfg.Now(),
	})
	defer c.progress.stop()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		c.watch(nc)
	}()
	w := newPacketWriter(c.ctx, nc, c.srv.cfg.WriteTimeout)
	err := run(c.ctx, w)
	if c.ctx.Err() != nil {
		err = context.Cause(c.ctx)
	}
	c.log.Info("stream ended", "kind", kind, "server_id", serverID, "sent", w.sent, "reason", err)
	if ferr := c.farewell(w, err); ferr != nil {
		c.log.Debug("last packet not sent", "err", ferr)
	}
	c.cancel(err)
	c.raw.Close()
	<-gone
	return err
}

// watch reads until the client leaves, which ends the session. What a client says during a dump means nothing, except
// that it goes.
func (c *session) watch(nc net.Conn) {
	b := make([]byte, 512)
	for {
		c.raw.allow(commandBudget)
		if _, err := nc.Read(b); err != nil {
			c.cancel(errGone)
			return
		}
	}
}

func (c *session) farewell(w *packetWriter, err error) error {
	var network net.Error
	var answer *mysql.MyError
	switch {
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
