package console

import (
	"math"
	"net/http"
	"time"

	"github.com/octant-db/octant/internal/readable"
	"github.com/octant-db/octant/relay"
)

// overview is the first page: who replicates from whom.
type overview struct {
	frame
	Status   relay.Status
	Log      relay.LogStatus
	Figures  []figure
	Problems []relay.Problem
	Map      worldMap
	Peers    []peerRow
	Lag      chart
	Flow     chart
	Readers  []readerRow
}

// figure is one number at the top of the page.
type figure struct {
	Name, Value, Note string
	Mood              mood
	Spark             spark
}

// mood says how something is: shown as a colour, and always as a word as well.
type mood string

const (
	good mood = "good"
	warn mood = "warn"
	bad  mood = "bad"
	idle mood = "idle" // as somebody wants it, like a pause
)

// From where on a lag is a matter for a human: as the alert rules have it.
const (
	lagWarn = 5 * time.Second
	lagBad  = 30 * time.Second
)

func moodOfLag(lag time.Duration) mood {
	switch {
	case lag > lagBad:
		return bad
	case lag > lagWarn:
		return warn
	}
	return good
}

func moodOfState(state string) mood {
	switch state {
	case "connected":
		return good
	case "paused", "evicted":
		return idle
	case "connecting", "evicting":
		return warn
	}
	return bad
}

// peerRow is another region as seen from here.
type peerRow struct {
	relay.PeerStatus
	Mood     mood
	LagMood  mood
	LagSpark spark
	Rate     string
	RateLine spark
	Behind   relay.Seq // received and not applied
	Owed     relay.Seq // of ours, and not there
	For      time.Duration
	Paused   bool
}

// readerRow is someone who reads from here.
type readerRow struct {
	relay.ReplicaStatus
	Bytes  int64
	Behind relay.LSN
	For    time.Duration
}

func (c *Console) overview(w http.ResponseWriter, _ *http.Request, s *session) {
	i, samples := c.cfg.Inspector, c.history.all()
	o := overview{frame: c.frame("Replication", "/", s), Status: i.Status(), Log: i.LogStatus(), Problems: i.Problems()}
	peers := i.Peers()
	for _, p := range peers {
		o.Peers = append(o.Peers, c.peerRow(p, o.Status.Counters.CapturedTransactions, samples))
	}
	for _, r := range i.Replicas() {
		o.Readers = append(o.Readers, readerRow{ReplicaStatus: r, Bytes: int64(r.Sent), Behind: o.Log.Last - min(o.Log.Last, r.LSN), For: o.Now.Sub(r.Since)})
	}
	o.Map = newMap(o.Self.Name, o.Status.Ready, o.Peers)
	o.Figures = figures(&o, i.LetterCounts(), samples)
	o.Lag, o.Flow = lagChart(peers, samples), flowChart(samples)
	c.show(w, http.StatusOK, "overview", o)
}

func (c *Console) peerRow(p relay.PeerStatus, captured uint64, samples []sample) peerRow {
	received := receivedFrom(p.Region)
	row := peerRow{
		PeerStatus: p, Mood: moodOfState(p.State), LagMood: moodOfLag(p.Lag), Paused: p.State == "paused",
		LagSpark: newSpark(levels(samples, sparkPoints, lagOf(p.Region)), lagWarn.Seconds()/5),
		Rate:     perSecond(lastRate(samples, received)),
		RateLine: newSpark(rates(samples, sparkPoints, received), 1),
		Behind:   p.Received.Seq - min(p.Received.Seq, p.Applied.Seq),
		Owed:     relay.Seq(captured) - min(relay.Seq(captured), p.Holds),
		For:      c.cfg.Now().Sub(p.Since),
	}
	if row.Paused {
		row.LagMood = idle
	}
	return row
}

func captured(s *sample) float64  { return float64(s.captured) }
func received(s *sample) float64  { return float64(s.received) }
func applied(s *sample) float64   { return float64(s.applied) }
func conflicts(s *sample) float64 { return float64(s.conflicts) }

func worstLag(s *sample) float64 {
	worst := 0.0
	for _, p := range s.peers {
		if !p.paused {
			worst = math.Max(worst, p.lag.Seconds())
		}
	}
	return worst
}

func figures(o *overview, letters map[relay.Reason]int, samples []sample) []figure {
	worst, behind := time.Duration(0), ""
	for _, p := range o.Peers {
		if p.Lag > worst && !p.Paused {
			worst, behind = p.Lag, "behind "+p.Region
		}
	}
	counters := o.Status.Counters
	perMinute := lastRate(samples, conflicts) * 60
	list := []figure{
		{Name: "Lag", Value: readable.Short(worst), Note: behind, Mood: moodOfLag(worst), Spark: newSpark(levels(samples, sparkPoints, worstLag), 1)},
		{Name: "Captured", Value: perSecond(lastRate(samples, captured)), Note: thousands(counters.CapturedTransactions) + " transactions",
			Spark: newSpark(rates(samples, sparkPoints, captured), 1)},
		{Name: "Applied", Value: perSecond(lastRate(samples, applied)), Note: thousands(counters.AppliedTransactions) + " transactions",
			Spark: newSpark(rates(samples, sparkPoints, applied), 1)},
		{Name: "Conflicts", Value: perMinuteText(perMinute), Note: thousands(counters.Conflicts) + " since the start",
			Spark: newSpark(rates(samples, sparkPoints, conflicts), 0.1)},
		deadLetters(parked(letters)),
		{Name: "Repairs", Value: thousands(o.Status.Apply.Repairs), Note: thousands(counters.RepairsDone) + " done"},
		{Name: "Log", Value: readable.Bytes(float64(o.Log.Bytes)), Note: "entry " + thousands(o.Log.Last)},
	}
	return list
}

func deadLetters(n int) figure {
	f := figure{Name: "Dead letters", Value: thousands(n), Note: "rows refused by the database"}
	if n > 0 {
		f.Mood = bad
	}
	return f
}

func perMinuteText(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return readable.Number(v) + "/min"
}

func lagChart(peers []relay.PeerStatus, samples []sample) chart {
	var curves []curve
	for _, p := range peers {
		curves = append(curves, curve{p.Region, levels(samples, chartPoints, lagOf(p.Region))})
	}
	return newChart("Lag", "behind each region", curves, logarithmic(greatestOf(curves)))
}

func flowChart(samples []sample) chart {
	curves := []curve{
		{"captured here", rates(samples, chartPoints, captured)},
		{"received", rates(samples, chartPoints, received)},
		{"applied here", rates(samples, chartPoints, applied)},
	}
	return newChart("Throughput", "transactions a second", curves, linear(greatestOf(curves), 1, readable.Number))
}
