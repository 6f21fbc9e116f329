package web

import (
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/octant-db/octant/relay"
)

// conflictCounter is an Inspector that counts conflicts by kind. Without it they are counted by the tables' policies.
type conflictCounter interface{ ConflictCounts() []relay.ConflictCount }

// verifier is an Inspector that has compared the regions. Without it there are no metrics of that.
type verifier interface {
	// Verifications lists the newest run first.
	Verifications() []relay.Verification
}

// Collector reads a relay's state when it is scraped, so that nothing is counted twice.
type Collector struct {
	relay   relay.Inspector
	version string
}

// NewCollector makes a Prometheus collector of what i shows; version is the program's.
func NewCollector(i relay.Inspector, version string) *Collector {
	return &Collector{relay: i, version: version}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, m := range relayMetrics {
		descriptions <- m.desc
	}
	for _, m := range peerMetrics {
		descriptions <- m.desc
	}
	for _, d := range []*prometheus.Desc{conflictsDesc, tablesDesc, problemsDesc, shortDesc, deadLettersDesc, letterReasonsDesc, breakersDesc, peerStateDesc, replicasDesc, behindDesc, buildDesc, verifiedDesc,
		verifyDifferencesDesc, verifyUnsettledDesc} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	r := reading{
		region: c.relay.Self().Name, status: c.relay.Status(), log: c.relay.LogStatus(), tables: c.relay.Tables(),
	}
	for _, m := range relayMetrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&r), r.region)
	}
	peers := c.relay.Peers()
	for i := range peers {
		for _, m := range peerMetrics {
			out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&peers[i]), r.region, peers[i].Region)
		}
		out <- gauge(peerStateDesc, 1, r.region, peers[i].Region, peers[i].State)
	}
	c.collectConflicts(out, &r)
	c.collectCounts(out, &r)
	if v, ok := c.relay.(verifier); ok {
		collectVerifications(out, r.region, v.Verifications())
	}
	out <- gauge(buildDesc, 1, r.region, c.version, runtime.Version())
}

func (c *Collector) collectConflicts(out chan<- prometheus.Metric, r *reading) {
	type label struct{ kind, policy string }
	counts := map[label]uint64{}
	if exact, ok := c.relay.(conflictCounter); ok {
		for _, n := range exact.ConflictCounts() {
			counts[label{n.Kind, n.Policy}] += n.Count
		}
	} else {
		for _, t := range r.tables {
			counts[label{"", t.Policy}] += t.Conflicts
		}
	}
	if len(counts) == 0 {
		counts[label{"", "lww"}] = r.status.Counters.Conflicts
	}
	for l, n := range counts {
		out <- prometheus.MustNewConstMetric(conflictsDesc, prometheus.CounterValue, float64(n), r.region, l.kind, l.policy)
	}
}

// collectVerifications shows each table's newest comparison.
func collectVerifications(out chan<- prometheus.Metric, region string, list []relay.Verification) {
	seen := map[string]bool{}
	for _, v := range list {
		if seen[v.Table] {
			continue
		}
		seen[v.Table] = true
		out <- gauge(verifiedDesc, unixSeconds(v.Began), region, v.Table, v.Result)
		out <- gauge(verifyDifferencesDesc, float64(v.Differences), region, v.Table)
		out <- gauge(verifyUnsettledDesc, float64(v.Unsettled), region, v.Table)
	}
}

// collectCounts counts what is listed elsewhere, by one word each.
func (c *Collector) collectCounts(out chan<- prometheus.Metric, r *reading) {
	tables := map[string]int{"replicated": 0, "held": 0, "excluded": 0}
	for _, t := range r.tables {
		tables[t.State]++
	}
	problems := map[string]int{}
	for _, p := range c.relay.Problems() {
		problems[p.Kind]++
	}
	readers := c.relay.Replicas()
	replicas := map[string]int{"replica": 0, "relay": 0}
	for _, s := range readers {
		replicas[s.Kind]++
	}
	short := map[string]int{"disk": 0, "memory": 0}
	for _, s := range r.status.Short {
		short[s.Of] = 1
	}
	for _, counted := range []struct {
		desc   *prometheus.Desc
		counts map[string]int
	}{{tablesDesc, tables}, {problemsDesc, problems}, {shortDesc, short}, {replicasDesc, replicas}} {
		for word, n := range counted.counts {
			out <- gauge(counted.desc, float64(n), r.region, word)
		}
	}
	letters := 0
	for reason, n := range c.relay.LetterCounts() {
		letters += n
		out <- gauge(letterReasonsDesc, float64(n), r.region, string(reason))
	}
	out <- gauge(deadLettersDesc, float64(letters), r.region)
	c.collectBreakers(out, r)
	collectBehind(out, r, readers)
}

// collectBehind tells how far stock replicas are. One that has just come counts once it was sent something.
func collectBehind(out chan<- prometheus.Metric, r *reading, readers []relay.ReplicaStatus) {
	behind := map[[2]string]uint64{}
	for _, s := range readers {
		if s.Kind == "replica" && s.LSN > 0 && s.LSN <= r.status.Capture.LSN {
			label := [2]string{strconv.FormatUint(uint64(s.ServerID), 10), s.Host}
			behind[label] = max(behind[label], uint64(r.status.Capture.LSN-s.LSN))
		}
	}
	for label, n := range behind {
		out <- gauge(behindDesc, float64(n), r.region, label[0], label[1])
	}
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// clockSeconds is a clock value as seconds since the Unix epoch.
func clockSeconds(h relay.HLC) float64 { return float64(h) / 1e6 }

// unixSeconds is a time as seconds since the Unix epoch, 0 for none.
func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMicro()) / 1e6
}

// collectBreakers counts circuit breakers by what they are of and their state.
func (c *Collector) collectBreakers(out chan<- prometheus.Metric, r *reading) {
	counts := map[[2]string]int{}
	for _, b := range c.relay.Breakers() {
		counts[[2]string{b.Scope, b.State}]++
	}
	for label, n := range counts {
		out <- gauge(breakersDesc, float64(n), r.region, label[0], label[1])
	}
}
