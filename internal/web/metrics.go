package web

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/octant-db/octant/relay"
)

// reading is what one scrape sees of the relay as a whole.
type reading struct {
	region string
	status relay.Status
	log    relay.LogStatus
	tables []relay.TableStatus
}

// relayMetric is a number of the relay as a whole; its label is region.
type relayMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*reading) float64
}

// peerMetric is a number of one peer; its labels are region and peer.
type peerMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*relay.PeerStatus) float64
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("octant_"+name, help, append([]string{"region"}, labels...), nil)
}

var (
	conflictsDesc     = describe("conflicts_total", "Concurrent writes of one row that were decided.", "kind", "policy")
	tablesDesc        = describe("tables", "Tables known to the relay, by state.", "state")
	problemsDesc      = describe("problems", "Open problems that an operator can mend, by kind.", "kind")
	shortDesc         = describe("short", "1 while there is little left of it, and what comes in is slowed down for that.", "of")
	deadLettersDesc   = describe("dead_letters", "Changes that could not be applied and wait for an operator.")
	letterReasonsDesc = describe("dead_letters_by_reason", "Dead letters, by reason.", "reason")
	breakersDesc      = describe("breakers", "Circuit breakers, by what they are of and their state.", "scope", "state")
	replicasDesc      = describe("replicas", "Connections that read the relay's log, by kind.", "kind")
	behindDesc        = describe("replica_behind_entries", "Entries of the relay's log that a stock replica was not sent yet.", "server_id", "host")
	peerStateDesc     = describe("peer_state", "1 for the state that the peer is in.", "peer", "state")
	buildDesc         = describe("build_info", "1, with the program's version.", "version", "goversion")

	verifiedDesc          = describe("verify_timestamp_seconds", "When the table's last comparison between the regions began, with its result.", "table", "result")
	verifyDifferencesDesc = describe("verify_differences", "Rows that differed between the regions at the table's last comparison.", "table")
	verifyUnsettledDesc   = describe("verify_unsettled_rows", "Rows that the table's last comparison could not judge.", "table")
)

var relayMetrics = []relayMetric{
	count("captured_transactions_total", "Transactions born in this region and captured from its database.",
		func(c *relay.Counters) uint64 { return c.CapturedTransactions }),
	count("captured_bytes_total", "Native bytes captured from the database's log.",
		func(c *relay.Counters) uint64 { return c.CapturedBytes }),
	rows("captured_rows_total", "Row changes captured from the database's log.",
		func(t *relay.TableStatus) uint64 { return t.Captured }),
	count("received_transactions_total", "Transactions received from other regions.",
		func(c *relay.Counters) uint64 { return c.ReceivedTransactions }),
	count("received_bytes_total", "Native bytes received from other regions.",
		func(c *relay.Counters) uint64 { return c.ReceivedBytes }),
	count("applied_transactions_total", "Transactions of other regions applied to the database.",
		func(c *relay.Counters) uint64 { return c.AppliedTransactions }),
	count("applied_rows_total", "Rows written to the database for other regions.",
		func(c *relay.Counters) uint64 { return c.AppliedRows }),
	count("skipped_rows_total", "Row changes of other regions that lost against a later write.",
		func(c *relay.Counters) uint64 { return c.SkippedRows }),
	count("served_transactions_total", "Transactions sent to relays and replicas.",
		func(c *relay.Counters) uint64 { return c.ServedTransactions }),
	count("served_bytes_total", "Native bytes sent to relays and replicas.",
		func(c *relay.Counters) uint64 { return c.ServedBytes }),
	count("inversions_total", "Own writes that landed on top of a newer local change and were mended.",
		func(c *relay.Counters) uint64 { return c.Inversions }),
	count("repairs_total", "Rows that were written again.",
		func(c *relay.Counters) uint64 { return c.RepairsDone }),
	count("apply_retries_total", "Transactions that were tried again after a deadlock or a lost connection.",
		func(c *relay.Counters) uint64 { return c.ApplyRetries }),
	count("capture_reconnects_total", "Connections to the database's log that were lost and made again.",
		func(c *relay.Counters) uint64 { return c.CaptureReconnects }),
	count("log_syncs_total", "Group commits of the relay log.",
		func(c *relay.Counters) uint64 { return c.LogSyncs }),

	level("ready", "1 when capture runs and is caught up and the applier can write.",
		func(r *reading) float64 { return bit(r.status.Ready) }),
	level("start_timestamp_seconds", "When the relay started.",
		func(r *reading) float64 { return unixSeconds(r.status.Started) }),
	level("capture_connected", "1 while the database's log is being read.",
		func(r *reading) float64 { return bit(r.status.Capture.Connected) }),
	level("capture_caught_up", "1 when the end of the database's log has been read.",
		func(r *reading) float64 { return bit(r.status.Capture.CaughtUp) }),
	level("capture_unmerged_entries", "Entries captured and not yet taken into the version index.",
		func(r *reading) float64 {
			return float64(r.status.Capture.LSN - min(r.status.Capture.LSN, r.status.Capture.Merged))
		}),
	level("capture_last_event_timestamp_seconds", "When the database committed the last captured entry.",
		func(r *reading) float64 { return unixSeconds(r.status.Capture.LastEvent) }),
	level("clock_timestamp_seconds", "The region's hybrid logical clock.",
		func(r *reading) float64 { return clockSeconds(r.status.Capture.HLC) }),
	level("apply_writable", "1 when what the applier writes is recognised in the database's log.",
		func(r *reading) float64 { return bit(r.status.Apply.Writable) }),
	level("apply_pending_rows", "Rows written and not yet seen in the database's log.",
		func(r *reading) float64 { return float64(r.status.Apply.Pending) }),
	level("repairs_pending", "Rows that wait to be written again.",
		func(r *reading) float64 { return float64(r.status.Apply.Repairs) }),
	level("index_entries", "Rows in the version index.",
		func(r *reading) float64 { return float64(r.status.Apply.Index) }),
	level("frontier_timestamp_seconds", "Clock value up to which every other region has been seen.",
		func(r *reading) float64 { return clockSeconds(r.status.Apply.Frontier) }),
	level("stable_timestamp_seconds", "Clock value up to which every region's database shows everything.",
		func(r *reading) float64 { return clockSeconds(r.status.Apply.Stable) }),
	level("log_bytes", "Native bytes in the relay log, all streams.",
		func(r *reading) float64 { return float64(r.log.Bytes) }),
	level("log_first_sequence", "First local entry that the relay log still has.",
		func(r *reading) float64 { return float64(r.log.First) }),
	level("log_last_sequence", "Last local entry of the relay log.",
		func(r *reading) float64 { return float64(r.log.Last) }),
	level("log_oldest_timestamp_seconds", "When the first local entry that is left was committed, 0 if there is none.",
		func(r *reading) float64 { return unixSeconds(r.log.Oldest) }),
}

var peerMetrics = []peerMetric{
	peerLevel("lag_seconds", "Age of the oldest transaction of the peer that is not applied, 0 when level.",
		func(p *relay.PeerStatus) float64 { return p.Lag.Seconds() }),
	peerLevel("clock_offset_seconds", "The peer's clock minus this relay's.",
		func(p *relay.PeerStatus) float64 { return p.Offset.Seconds() }),
	peerLevel("peer_connected", "1 while the peer is connected.",
		func(p *relay.PeerStatus) float64 { return bit(p.State == "connected") }),
	peerLevel("peer_received_sequence", "Last transaction of the peer that is durable here.",
		func(p *relay.PeerStatus) float64 { return float64(p.Received.Seq) }),
	peerLevel("peer_applied_sequence", "Last transaction of the peer that the local database shows.",
		func(p *relay.PeerStatus) float64 { return float64(p.Applied.Seq) }),
	peerLevel("peer_holds_sequence", "Last transaction of this region that is durable at the peer.",
		func(p *relay.PeerStatus) float64 { return float64(p.Holds) }),
	{describe("reconnects_total", "Connections to the peer that were lost and made again.", "peer"), prometheus.CounterValue,
		func(p *relay.PeerStatus) float64 { return float64(p.Reconnects) }},
}

func count(name, help string, value func(*relay.Counters) uint64) relayMetric {
	return relayMetric{describe(name, help), prometheus.CounterValue,
		func(r *reading) float64 { return float64(value(&r.status.Counters)) }}
}

func rows(name, help string, value func(*relay.TableStatus) uint64) relayMetric {
	return relayMetric{describe(name, help), prometheus.CounterValue, func(r *reading) float64 {
		var sum uint64
		for i := range r.tables {
			sum += value(&r.tables[i])
		}
		return float64(sum)
	}}
}

func level(name, help string, value func(*reading) float64) relayMetric {
	return relayMetric{describe(name, help), prometheus.GaugeValue, value}
}

func peerLevel(name, help string, value func(*relay.PeerStatus) float64) peerMetric {
	return peerMetric{describe(name, help, "peer"), prometheus.GaugeValue, value}
}
