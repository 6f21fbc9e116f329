package history

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
)

// kind is how SHOW BINLOG EVENTS shows a type of event: its name (get_type_str in the servers' log_event.cc) and its text (pack_info of
// each event there).
type kind struct {
	name string
	info func([]byte) (string, error)
}

var kinds = map[binlog.EventType]kind{
	binlog.QueryEvent:             {"Query", query},
	binlog.QueryCompressedEvent:   {"Query_compressed", query},
	binlog.ExecuteLoadQueryEvent:  {"Execute_load_query", query},
	binlog.StopEvent:              {"Stop", nothing},
	binlog.RotateEvent:            {"Rotate", rotate},
	binlog.IntvarEvent:            {"Intvar", intvar},
	binlog.RandEvent:              {"RAND", seeds},
	binlog.UserVarEvent:           {"User var", nothing},
	binlog.AppendBlockEvent:       {"Append_block", nothing},
	binlog.BeginLoadQueryEvent:    {"Begin_load_query", nothing},
	binlog.FormatDescriptionEvent: {"Format_desc", formatDescription},
	binlog.XIDEvent:               {"Xid", commit},
	binlog.XAPrepareEvent:         {"XA_prepare", prepare},
	binlog.TableMapEvent:          {"Table_map", tableMap},
	binlog.WriteRowsV1Event:       {"Write_rows_v1", rows},
	binlog.UpdateRowsV1Event:      {"Update_rows_v1", rows},
	binlog.DeleteRowsV1Event:      {"Delete_rows_v1", rows},
	binlog.WriteRowsEvent:         {"Write_rows", rows},
	binlog.UpdateRowsEvent:        {"Update_rows", rows},
	binlog.DeleteRowsEvent:        {"Delete_rows", rows},
	binlog.PartialUpdateRowsEvent: {"Update_rows_partial", rows},
	binlog.WriteRowsCompressedV1:  {"Write_rows_compressed_v1", rows},
	binlog.UpdateRowsCompressedV1: {"Update_rows_compressed_v1", rows},
	binlog.DeleteRowsCompressedV1: {"Delete_rows_compressed_v1", rows},
	binlog.WriteRowsCompressed:    {"Write_rows_compressed", rows},
	binlog.UpdateRowsCompressed:   {"Update_rows_compressed", rows},
	binlog.DeleteRowsCompressed:   {"Delete_rows_compressed", rows},
	binlog.IncidentEvent:          {"Incident", incident},
	binlog.HeartbeatEvent:         {"Heartbeat", nothing},
	binlog.IgnorableEvent:         {"Ignorable", nothing},
	binlog.StartEncryptionEvent:   {"Start_encryption", nothing},
	binlog.PartialRowDataEvent:    {"Partial_rows", nothing},

	binlog.AnnotateRowsEvent:     {"Annotate_rows", annotation},
	binlog.BinlogCheckpointEvent: {"Binlog_checkpoint", binlog.ParseCheckpoint},
	binlog.GTIDEvent:             {"Gtid", mariadbGTID},
	binlog.GTIDListEvent:         {"Gtid_list", gtidList},

	binlog.RowsQueryEvent:          {"Rows_query", rowsQuery},
	binlog.MySQLGTIDEvent:          {"Gtid", mysqlGTID},
	binlog.MySQLAnonymousEvent:     {"Anonymous_Gtid", mysqlGTID},
	binlog.MySQLTaggedGTIDEvent:    {"Gtid_tagged_log_event", mysqlGTID},
	binlog.PreviousGTIDsEvent:      {"Previous_gtids", previousGTIDs},
	binlog.TransactionContextEvent: {"Transaction_context", nothing},
	binlog.ViewChangeEvent:         {"View_change", nothing},
	binlog.TransactionPayloadEvent: {"Transaction_payload", payload},
}

// describe returns an event's name and text. What cannot be read has a text that says so.
func describe(h binlog.Header, event []byte) (name, info string) {
	k, known := kinds[h.Type]
	if !known {
		return "Unknown", ""
	}
	info, err := k.info(event)
	if err != nil {
		return k.name, "malformed"
	}
	return k.name, info
}

func nothing([]byte) (string, error) { return "", nil }

func formatDescription(event []byte) (string, error) {
	f, err := binlog.ParseFormat(event)
	return fmt.Sprintf("Server ver: %s, Binlog ver: %d", f.Server, f.Version), err
}

// suppressUse is the header's flag of statements for which the schema means nothing: LOG_EVENT_SUPPRESS_USE_F.
const suppressUse = 0x8

func query(event []byte) (string, error) {
	q, err := binlog.ParseQuery(event)
	if err != nil {
		return "", err
	}
	h, _ := binlog.ParseHeader(event)
	text := string(q.SQL)
	if q.Schema != "" && h.Flags&suppressUse == 0 {
		text = fmt.Sprintf("use `%s`; %s", strings.ReplaceAll(q.Schema, "`", "``"), text)
	}
	if xid, ok := loggedXID(binlog.Body(event)); ok && h.Type == binlog.QueryEvent {
		text += fmt.Sprintf(" /* xid=%d */", xid)
	}
	return text, nil
}

func rotate(event []byte) (string, error) {
	r, err := binlog.ParseRotate(event)
	return fmt.Sprintf("%s;pos=%d", r.File, r.Offset), err
}

func intvar(event []byte) (string, error) {
	b := binlog.Body(event)
	if len(b) < 9 {
		return "", binlog.ErrMalformed
	}
	names := map[byte]string{1: "LAST_INSERT_ID", 2: "INSERT_ID"}
	return fmt.Sprintf("%s=%d", names[b[0]], binary.LittleEndian.Uint64(b[1:])), nil
}

func seeds(event []byte) (string, error) {
	b := binlog.Body(event)
	if len(b) < 16 {
		return "", binlog.ErrMalformed
	}
	return fmt.Sprintf("rand_seed1=%d,rand_seed2=%d", binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])), nil
}

func commit(event []byte) (string, error) {
	xid, err := binlog.ParseXID(event)
	return fmt.Sprintf("COMMIT /* xid=%d */", xid), err
}

func prepare(event []byte) (string, error) {
	x, err := binlog.ParseXAPrepare(event)
	if x.OnePhase {
		return "XA COMMIT " + xid(x.XID) + " ONE PHASE", err
	}
	return "XA PREPARE " + xid(x.XID), err
}

func xid(x binlog.XID) string { return fmt.Sprintf("X'%x',X'%x',%d", x.GlobalID, x.BranchID, x.Format) }

// tableID reads the six bytes with which table maps and row events begin.
func tableID(b []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32
}

func tableMap(event []byte) (string, error) {
	b := binlog.Body(event)
	if len(b) < 8 {
		return "", binlog.ErrMalformed
	}
	schema, rest, ok := name(b[8:])
	table, _, ok2 := name(rest)
	if !ok || !ok2 {
		return "", binlog.ErrMalformed
	}
	return fmt.Sprintf("table_id: %d (%s.%s)", tableID(b), schema, table), nil
}

// name reads a length, as many bytes, and a zero.
func name(b []byte) (s string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < int(b[0])+2 {
		return "", nil, false
	}
	n := int(b[0])
	return string(b[1 : 1+n]), b[n+2:], true
}

// The flags of row events that servers show. MySQL 9.7 has the second one.
const (
	statementEnd = 0x1
	sqlKeys      = 0x10
)

func rows(event []byte) (string, error) {
	b := binlog.Body(event)
	if len(b) < 8 {
		return "", binlog.ErrMalformed
	}
	text, flags := fmt.Sprintf("table_id: %d", tableID(b)), binary.LittleEndian.Uint16(b[6:])
	if flags&statementEnd != 0 {
		text += " flags: STMT_END_F"
	}
	if flags&sqlKeys != 0 {
		text += " USE_SQL_FOREIGN_KEY_F"
	}
	return text, nil
}

func incident(event []byte) (string, error) {
	i, err := binlog.ParseIncident(event)
	return fmt.Sprintf("#%d (%s)", i.Number, i.Message), err
}
