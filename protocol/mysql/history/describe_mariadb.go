package history

import (
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
)

func annotation(event []byte) (string, error) {
	sql, err := binlog.ParseAnnotate(event)
	return string(sql), err
}

// mariadbGTID is the text of Gtid_log_event::pack_info.
func mariadbGTID(event []byte) (string, error) {
	g, err := binlog.ParseGTID(event)
	var b strings.Builder
	switch {
	case g.Flags&binlog.GTIDPreparedXA != 0:
		b.WriteString("XA START " + xid(g.XID) + " ")
	case !g.Standalone():
		b.WriteString("BEGIN ")
	}
	b.WriteString("GTID " + g.GTID.String())
	if g.CommitID != 0 {
		fmt.Fprintf(&b, " cid=%d", g.CommitID)
	}
	switch {
	case g.Extra&binlog.GTIDStartAlter != 0:
		b.WriteString(" START ALTER")
	case g.Extra&binlog.GTIDCommitAlter != 0:
		fmt.Fprintf(&b, " COMMIT ALTER id=%d", g.AlterSeq)
	case g.Extra&binlog.GTIDRollbackAlter != 0:
		fmt.Fprintf(&b, " ROLLBACK ALTER id=%d", g.AlterSeq)
	}
	return b.String(), err
}

func gtidList(event []byte) (string, error) {
	list, err := binlog.ParseGTIDList(event)
	texts := make([]string, len(list))
	for i, g := range list {
		texts[i] = g.String()
	}
	return "[" + strings.Join(texts, ", ") + "]", err
}
