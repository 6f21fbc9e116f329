package admin

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// showReplication answers SHOW SLAVE STATUS and its relatives with a row for each peer, or for the one that is named.
func (c *cursor) showReplication(all bool) (statement, error) {
	peer := ""
	if t, ok := c.take(text); ok && !all {
		peer = t.text
	}
	if !c.words("status") {
		return statement{}, c.wrong()
	}
	peer, err := c.channel(peer)
	if err == nil {
		err = c.end()
	}
	return statement{roleRead, func(_ context.Context, call *call) (*mysql.Result, error) {
		return call.replication(peer, all)
	}}, err
}

// channel passes FOR CHANNEL 'name'. No channel, or an empty one, means all peers.
func (c *cursor) channel(named string) (string, error) {
	if named != "" || !c.words("for", "channel") {
		return named, nil
	}
	return c.string()
}

func (call *call) replication(peer string, all bool) (*mysql.Result, error) {
	i := call.e.cfg.Inspector
	status, log := i.Status(), i.LogStatus()
	var fields []reported
	var rows [][]any
	for _, p := range i.Peers() {
		if peer == "" || p.Region == peer {
			fields = report(p, status, log, all)
			row := make([]any, len(fields))
			for i, f := range fields {
				row[i] = f.value
			}
			rows = append(rows, row)
		}
	}
	if peer != "" && rows == nil {
		return nil, noSuchPeer(peer)
	}
	if rows == nil {
		fields = report(relay.PeerStatus{}, status, log, all)
	}
	columns := make([]column, len(fields))
	for i, f := range fields {
		columns[i] = f.column
	}
	return newResult(columns, rows...), nil
}

func noSuchPeer(name string) *mysql.MyError {
	return failure(codeNoSuchChannel, "There is no master connection '%s': no peer is called so", shorten(name, 64))
}

// reported is one column of a peer's row.
type reported struct {
	column
	value any
}

func said(name, value string) reported { return reported{column{name, textColumn}, value} }

func counted(name string, n int64) reported { return reported{column{name, intColumn}, n} }

func unknown(name string) reported { return reported{column{name, intColumn}, nil} }

// report makes a peer's row in the columns and the order of MariaDB 10.11 (sql/slave.cc, show_master_info_get_fields), which
// monitors know. A relay takes a stream of transactions from its peer, not a file: positions are sequence numbers of that
// stream, and names of files are empty. What does not apply is empty, "No", 0 or NULL.
func report(p relay.PeerStatus, s relay.Status, l relay.LogStatus, all bool) []reported {
	var fields []reported
	if all {
		fields = append(fields, said("Connection_name", p.Region), said("Slave_SQL_State", applying(&p, &s)))
	}
	fields = append(fields, reportReceiving(&p)...)
	fields = append(fields,
		said("Slave_IO_Running", receives(&p)), said("Slave_SQL_Running", yes(applies(&p, &s))),
		said("Replicate_Do_DB", ""), said("Replicate_Ignore_DB", ""), said("Replicate_Do_Table", ""),
		said("Replicate_Ignore_Table", ""), said("Replicate_Wild_Do_Table", ""), said("Replicate_Wild_Ignore_Table", ""))
	failed := applyFailure(&p, &s)
	code := errorCode(failed, mysql.ER_UNKNOWN_ERROR)
	fields = append(fields,
		counted("Last_Errno", code), said("Last_Error", failed), counted("Skip_Counter", 0),
		counted("Exec_Master_Log_Pos", int64(p.Applied.Seq)), counted("Relay_Log_Space", l.Bytes),
		said("Until_Condition", "None"), said("Until_Log_File", ""), counted("Until_Log_Pos", 0),
		said("Master_SSL_Allowed", "No"), said("Master_SSL_CA_File", ""), said("Master_SSL_CA_Path", ""), said("Master_SSL_Cert", ""),
		said("Master_SSL_Cipher", ""), said("Master_SSL_Key", ""),
		behind(&p, &s), said("Master_SSL_Verify_Server_Cert", "No"))
	fields = append(fields, reportErrors(&p, failed, code)...)
	fields = append(fields,
		said("Replicate_Ignore_Server_Ids", ""), counted("Master_Server_Id", int64(p.ID)),
		said("Master_SSL_Crl", ""), said("Master_SSL_Crlpath", ""), said("Using_Gtid", "No"), said("Gtid_IO_Pos", ""),
		said("Replicate_Do_Domain_Ids", ""), said("Replicate_Ignore_Domain_Ids", ""), said("Parallel_Mode", "conservative"),
		counted("SQL_Delay", 0), unknown("SQL_Remaining_Delay"), said("Slave_SQL_Running_State", applying(&p, &s)),
		counted("Slave_DDL_Groups", 0), counted("Slave_Non_Transactional_Groups", 0),
		counted("Slave_Transactional_Groups", int64(p.Applied.Seq)), said("Replicate_Rewrite_DB", ""))
	if !all {
		return append(fields, said("Channel_Name", p.Region)) // MySQL's name: with more than one row one must know whose it is
	}
	return append(fields,
		counted("Retried_transactions", 0), counted("Max_relay_log_size", 0), counted("Executed_log_entries", 0),
		counted("Slave_received_heartbeats", 0), said("Slave_heartbeat_period", "0.000"), said("Gtid_Slave_Pos", ""))
}

func reportReceiving(p *relay.PeerStatus) []reported {
	host, port := hostPort(p.Address)
	state := map[string]string{
		"connected": "Waiting for master to send event", "connecting": "Connecting to master",
	}[p.State]
	return []reported{
		said("Slave_IO_State", state), said("Master_Host", host), said("Master_User", ""), counted("Master_Port", port),
		counted("Connect_Retry", 0), said("Master_Log_File", ""), counted("Read_Master_Log_Pos", int64(p.Received.Seq)),
		said("Relay_Log_File", ""), counted("Relay_Log_Pos", int64(p.Received.Seq)), said("Relay_Master_Log_File", ""),
	}
}

// reportErrors tells what keeps the relay from receiving and from applying.
func reportErrors(p *relay.PeerStatus, failed string, code int64) []reported {
	receiving := ""
	if p.State != "connected" && p.State != "stopped" {
		receiving = p.LastError
	}
	ioCode := uint16(mysql.ER_MASTER_FATAL_ERROR_READING_BINLOG)
	if p.State == "connecting" {
		ioCode = 2003 // CR_CONN_HOST_ERROR
	}
	return []reported{
		counted("Last_IO_Errno", errorCode(receiving, ioCode)), said("Last_IO_Error", receiving),
		counted("Last_SQL_Errno", code), said("Last_SQL_Error", failed),
	}
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
	return s.Apply.Writable && p.State != "paused" && p.State != "stopped" && p.State != ""
}

// applyFailure is why nothing of the peer is applied: "stopped" is a stream that is received and cannot go on.
func applyFailure(p *relay.PeerStatus, s *relay.Status) string {
	if p.State == "stopped" {
		return p.LastError
	}
	return s.Apply.Err
}

func applying(p *relay.PeerStatus, s *relay.Status) string {
	switch {
	case !applies(p, s):
		return ""
	case p.Applied.Seq >= p.Received.Seq:
		return "Slave has read all relay log; waiting for more updates"
	}
	return "Applying the relay log"
}

// behind is NULL while the relay cannot know, as it is in MariaDB.
func behind(p *relay.PeerStatus, s *relay.Status) reported {
	if p.State != "connected" || !applies(p, s) {
		return unknown("Seconds_Behind_Master")
	}
	return counted("Seconds_Behind_Master", seconds(p.Lag))
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
