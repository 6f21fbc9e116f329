package apply_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/apply"
	"github.com/octant-db/octant/relay"
)

const (
	benchTable = "CREATE TABLE t(id INT PRIMARY KEY, k INT NOT NULL, c CHAR(120) CHARACTER SET latin1 NOT NULL, pad CHAR(60) CHARACTER SET latin1 NOT NULL, KEY(k))"
	benchRows  = 100_000
)

// benchImage is a row of benchTable as the server would log it.
func benchImage(id, k uint32, fill byte) relay.Image {
	image := []byte{0xF0}
	image = binary.LittleEndian.AppendUint32(image, id)
	image = binary.LittleEndian.AppendUint32(image, k)
	image = append(append(image, 119), bytes.Repeat([]byte{fill}, 119)...)
	return append(append(image, 59), bytes.Repeat([]byte{fill}, 59)...)
}

// benchBatches makes the changes of one lane: in each four, two updates, a deletion and an insertion, each of a row of its own.
func benchBatches(table *relay.Table, lane, lanes, changes, size int) [][]relay.Write {
	var batches [][]relay.Write
	next, fresh, seed := 0, benchRows+lane, uint32(lane)
	ids := benchOrder(lane, lanes)
	var batch []relay.Write
	for n := range changes {
		seed = seed*1664525 + 1013904223
		id := ids[next%len(ids)]
		w := relay.Write{Table: table, Before: benchImage(id, seed, 'a'), Expect: relay.Present}
		switch n % 4 {
		case 0, 1:
			w.After = benchImage(id, seed>>8, byte('a'+n%26))
			ids = append(ids, id)
			next++
		case 2:
			next++
		default:
			w.Before, w.After, w.Expect = nil, benchImage(uint32(fresh), seed>>8, 'n'), relay.Absent
			ids = append(ids, uint32(fresh))
			fresh += lanes
		}
		if batch = append(batch, w); len(batch) == size {
			batches, batch = append(batches, batch), nil
		}
	}
	return append(batches, batch)
}

// benchOrder is the lane's rows in no order.
func benchOrder(lane, lanes int) []uint32 {
	var ids []uint32
	for id := lane; id < benchRows; id += lanes {
		ids = append(ids, uint32(id))
	}
	seed := uint64(lane) + 1
	for i := len(ids) - 1; i > 0; i-- {
		seed = seed*6364136223846793005 + 1442695040888963407
		j := int(seed>>33) % (i + 1)
		ids[i], ids[j] = ids[j], ids[i]
	}
	return ids
}

// BenchmarkApply reports row changes a second; an operation is 200,000 of them in transactions of 100 to 400.
func BenchmarkApply(b *testing.B) {
	for _, user := range []string{"octant", "plain"} {
		for _, lanes := range []int{1, 2, 4} {
			for _, size := range []int{4, 100, 400} {
				b.Run(fmt.Sprintf("user=%s/lanes=%d/rows=%d", user, lanes, size), func(b *testing.B) { benchApply(b, user, lanes, size, 200_000) })
			}
		}
	}
}

func benchApply(b *testing.B, user string, lanes, size, changes int) {
	bed := databases[0].ready(b).newBed(b, benchTable)
	table := bed.images("t", "INSERT INTO t VALUES(1,1,'c','p')")[0].Table
	target := bed.open(user, func(c *apply.Config) { c.Lanes = lanes; c.LockWait = 20e9 })
	for b.Loop() {
		b.StopTimer()
		bed.quietly("TRUNCATE t", fmt.Sprintf("INSERT INTO t SELECT seq-1, seq, REPEAT('a',119), REPEAT('a',59) FROM seq_1_to_%d", benchRows))
		work := make([][][]relay.Write, lanes)
		for l := range work {
			work[l] = benchBatches(table, l, lanes, changes/lanes, size)
		}
		b.StartTimer()
		var group sync.WaitGroup
		for l := range work {
			group.Go(func() {
				for _, batch := range work[l] {
					if err := bed.applyOn(target, l, batch); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
	}
	b.ReportMetric(float64(changes)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func (b *bed) applyOn(target *apply.Target, lane int, batch []relay.Write) error {
	tx, err := target.Begin(b.ctx, nextMark(2, lane))
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := tx.Write(b.ctx, batch); err != nil {
		return err
	}
	return tx.Commit(b.ctx)
}

// BenchmarkIdentify is the hot path: keys without collations.
func BenchmarkIdentify(b *testing.B) {
	bed := databases[0].ready(b).newBed(b, benchTable, "CREATE TABLE s(id VARCHAR(40) COLLATE utf8mb4_general_ci PRIMARY KEY)")
	images := make([]relay.Image, 100)
	for i := range images {
		images[i] = benchImage(uint32(i), 5, 'x')
	}
	target := bed.open("octant")
	run := func(table *relay.Table, images []relay.Image) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := target.Identify(bed.ctx, table, images); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(images))/b.Elapsed().Seconds(), "rows/s")
		}
	}
	b.Run("int", run(bed.images("t", "INSERT INTO t VALUES(1,1,'c','p')")[0].Table, images))
	var values []string
	for i := range images {
		values = append(values, fmt.Sprintf("('Key number %d')", i))
	}
	var text []relay.Image
	changes := bed.images("s", "INSERT INTO s VALUES"+strings.Join(values, ","))
	for _, c := range changes {
		text = append(text, c.After)
	}
	b.Run("text", run(changes[0].Table, text))
}
