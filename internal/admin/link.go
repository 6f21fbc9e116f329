package admin

import (
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// link is what a monitor wants to know of one thing that the relay reads: its own source, which has no name, or a peer.
type link struct {
	name            string
	address, user   string
	tls, verify     bool
	ca, cert, key   string
	serverID        int64
	uuid            string
	receives        string // "Yes", "No", "Connecting"
	applies         bool
	file            string // of the source's log; "" of a peer, which sends transactions and no files
	read, executed  uint64 // offsets in file; of a peer, numbers of transactions
	space           int64  // bytes of the relay log
	groups          int64  // transactions applied
	behind          any    // seconds, nil for not known
	ioError         string
	ioCode, sqlCode int64
	sqlError        string
	gtids           string // read so far
	level           bool   // nothing is left to be applied
	usesGTID        bool
	retries         int64
}

// peerLink shows a peer. A relay takes a stream of transactions from it, not a file: positions are sequence numbers of that stream, and
// names of files are empty.
func peerLink(p relay.PeerStatus, s relay.Status, l relay.LogStatus) link {
	k := link{
		name: p.Region, address: p.Address, serverID: int64(p.ID), receives: receives(&p), applies: applies(&p, &s),
		read: uint64(p.Received.Seq), executed: uint64(p.Applied.Seq), space: l.Bytes, groups: int64(p.Applied.Seq),
		sqlError: applyFailure(&p, &s), level: p.Applied.Seq >= p.Received.Seq, retries: int64(s.Counters.ApplyRetries),
	}
	if p.State == "connected" && k.applies { // NULL while the relay cannot know, as it is in MariaDB
		k.behind = seconds(p.Lag)
	}
	if p.State != "connected" && p.State != "stopped" {
		k.ioError = p.LastError
	}
	ioCode := uint16(mysql.ER_MASTER_FATAL_ERROR_READING_BINLOG)
	if p.State == "connecting" {
		ioCode = codeCannotConnect
	}
	k.ioCode, k.sqlCode = errorCode(k.ioError, ioCode), errorCode(k.sqlError, mysql.ER_UNKNOWN_ERROR)
	return k
}

// sourceLink shows the relay's own source. What stands for the SQL thread is the fold of the captured log into the version index, without
// which nothing of the peers is applied.
func (call *call) sourceLink(s relay.Status, l relay.LogStatus) link {
	k := link{
		address: s.DatabaseAt, receives: captures(&s), applies: !s.Capture.Stopped, file: l.File, read: l.Position, executed: l.Position,
		space: l.Bytes, groups: int64(s.Counters.CapturedTransactions), ioError: s.Capture.Err, gtids: l.GTIDSet,
		level: s.Capture.Merged >= s.Capture.LSN, usesGTID: true,
	}
	if u := call.e.cfg.Upstream; u != nil {
		from := u.Source()
		k.address, k.user, k.tls, k.verify = from.Address, from.User, from.TLS, from.Verify
		k.ca, k.cert, k.key = from.CA, from.Cert, from.Key
		k.serverID, k.uuid = int64(from.ServerID), from.UUID
	}
	if s.Capture.Connected {
		k.behind = call.captureLag(&s)
	}
	k.ioCode = errorCode(k.ioError, captureCode(k.ioError))
	return k
}

// captureCode is fatal for what only an operator mends, as with a server's IO thread.
func captureCode(message string) uint16 {
	if strings.Contains(message, relay.ErrPurged.Error()) || strings.Contains(message, relay.ErrDiverged.Error()) {
		return mysql.ER_MASTER_FATAL_ERROR_READING_BINLOG
	}
	return codeCannotConnect
}

// captureLag is how old the last captured transaction is, while more is to come.
func (call *call) captureLag(s *relay.Status) int64 {
	if s.Capture.CaughtUp || s.Capture.LastEvent.IsZero() {
		return 0
	}
	return seconds(call.e.cfg.Now().Sub(s.Capture.LastEvent))
}

func captures(s *relay.Status) string {
	switch {
	case s.Capture.Stopped:
		return "No"
	case s.Capture.Connected:
		return "Yes"
	}
	return "Connecting"
}

// ioState is what the IO thread of a server would say that it does. word is how the server calls its source.
func (k *link) ioState(word string) string {
	switch k.receives {
	case "Yes":
		return "Waiting for " + word + " to send event"
	case "Connecting":
		return "Connecting to " + word
	}
	return ""
}

// sqlState is what the SQL thread would say. word is how the server calls itself.
func (k *link) sqlState(word string) string {
	switch {
	case !k.applies:
		return ""
	case k.level:
		return word + " has read all relay log; waiting for more updates"
	}
	return "Applying the relay log"
}

func errorCode(message string, code uint16) int64 {
	if message == "" {
		return 0
	}
	return int64(code)
}

func receives(p *relay.PeerStatus) string {
	if p.State == "connecting" {
		return "Connecting"
	}
	return yes(p.State == "connected" || p.State == "stopped")
}

func applies(p *relay.PeerStatus, s *relay.Status) bool {
	return s.Apply.Writable && !s.Capture.Stopped && p.State != "paused" && p.State != "stopped" && p.State != ""
}

// applyFailure is why nothing of the peer is applied: "stopped" is a stream that is received and cannot go on.
func applyFailure(p *relay.PeerStatus, s *relay.Status) string {
	if p.State == "stopped" {
		return p.LastError
	}
	return s.Apply.Err
}

func seconds(d time.Duration) int64 { return int64(max(0, d) / time.Second) }

func yes(b bool) string {
	if b {
		return "Yes"
	}
	return "No"
}

func hostPort(address string) (string, int64) {
	h, port, err := net.SplitHostPort(address)
	n, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil {
		return address, 0
	}
	return h, int64(n)
}
