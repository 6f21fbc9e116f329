package binlog

// Flags of a GTID event; see FL_* of Gtid_log_event in MariaDB's sql/log_event.h.
const (
	GTIDStandalone    byte = 0x01 // one statement follows and ends the group, without COMMIT
	GTIDGroupCommit   byte = 0x02 // the group committed together with others
	GTIDTransactional byte = 0x04
	GTIDAllowParallel byte = 0x08
	GTIDWaited        byte = 0x10
	GTIDDDL           byte = 0x20
	GTIDPreparedXA    byte = 0x40
	GTIDCompletedXA   byte = 0x80
)

// Flags of a GTID event's second flag byte.
const (
	gtidMultiEngine   byte = 0x01
	GTIDStartAlter    byte = 0x02
	GTIDCommitAlter   byte = 0x04
	GTIDRollbackAlter byte = 0x08
	gtidThread        byte = 0x10
)

// Group is what a GTID event says: it begins every event group, and there is no BEGIN after it.
type Group struct {
	GTID     GTID
	Flags    byte
	Extra    byte   // the second flag byte
	CommitID uint64 // equal for groups that committed together; 0: none
	XID      XID    // of XA groups
	AlterSeq uint64 // the sequence of the START ALTER that a COMMIT or ROLLBACK ALTER ends
	Thread   uint32 // from 11.8 on: the connection's id
}

// Standalone tells whether the group is a single statement without COMMIT.
func (g *Group) Standalone() bool { return g.Flags&GTIDStandalone != 0 }

// DDL tells whether the group changes definitions.
func (g *Group) DDL() bool { return g.Flags&GTIDDDL != 0 }

// ParseGTID reads the GTID event that begins a group.
func ParseGTID(event []byte) (Group, error) {
	h, r, err := typed(event, "gtid", GTIDEvent)
	if err != nil {
		return Group{}, err
	}
	g := Group{GTID: GTID{Seq: r.u64(), Domain: r.u32(), Server: h.ServerID}, Flags: r.u8()}
	if g.Flags&GTIDGroupCommit != 0 {
		g.CommitID = r.u64()
	}
	if g.Flags&(GTIDPreparedXA|GTIDCompletedXA) != 0 {
		g.XID.Format = int32(r.u32())
		global, branch := int(r.u8()), int(r.u8())
		g.XID.GlobalID = string(r.bytes(global))
		g.XID.BranchID = string(r.bytes(branch))
	}
	if len(r.rest) > 0 {
		g.extra(&r)
	}
	return g, r.finish("gtid event")
}

// extra reads what follows the second flag byte, which is the first of the zeros that older events are filled with.
func (g *Group) extra(r *reader) {
	g.Extra = r.u8()
	if g.Extra&gtidMultiEngine != 0 {
		r.u8()
	}
	if g.Extra&(GTIDCommitAlter|GTIDRollbackAlter) != 0 {
		g.AlterSeq = r.u64()
	}
	if g.Extra&gtidThread != 0 {
		g.Thread = r.u32()
	}
}

// gtidListMask keeps the count of a GTID_LIST; the bits above it are flags.
const gtidListMask = 1<<28 - 1

// ParseGTIDList reads the last GTID of each domain and server that comes before the place where the event stands, in
// the event's order: the last of a domain comes last.
func ParseGTIDList(event []byte) ([]GTID, error) {
	_, r, err := typed(event, "gtid list", GTIDListEvent)
	if err != nil {
		return nil, err
	}
	count := int(r.u32() & gtidListMask)
	if count > len(r.rest)/16 {
		r.bad, count = true, 0
	}
	list := make([]GTID, 0, count)
	for range count {
		list = append(list, GTID{Domain: r.u32(), Server: r.u32(), Seq: r.u64()})
	}
	return list, r.finish("gtid list event")
}
