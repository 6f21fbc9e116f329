package relaylog_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// The crash tests run this test binary again as a child that writes a log, prints what was acknowledged, and is killed:
// by the parent at some moment, or by itself at the nth time that the log comes to a named step.
const (
	crashDir  = "RELAYLOG_CRASH_DIR"
	crashStep = "RELAYLOG_CRASH_STEP" // "name n"
	crashPeer = relay.Region(2)

	crashVanguard = relay.Region(3)
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if err := crashChild(dir, os.Getenv(crashStep)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashChild writes until it is killed.
func crashChild(dir, at string) error {
	db, err := relaylog.Open(dir, relaylog.Options{CacheBytes: 1 << 20, SegmentBytes: 2 << 20}.WithCheckpoints(1<<20).WithStep(killAt(at)))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context, *relaylog.DB) error{writeEntries, receiveTransactions, receiveAhead, writeStore} {
		loops.Go(func() { cancel(loop(ctx, db)) })
	}
	loops.Wait()
	return context.Cause(ctx)
}

func killAt(at string) func(string) {
	name, count, _ := strings.Cut(at, " ")
	left, _ := strconv.Atoi(count)
	var mu sync.Mutex
	return func(step string) {
		mu.Lock()
		defer mu.Unlock()
		if step != name {
			return
		}
		if left--; left == 0 {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

func acknowledge(kind string, n uint64) { fmt.Fprintf(os.Stdout, "%s %d\n", kind, n) }

// crashNative are the bytes that belong to a number: a few kilobytes, or several chunks.
func crashNative(n uint64) []byte {
	r := rand.New(rand.NewPCG(n, 0))
	size := r.IntN(4000)
	if n%37 == 0 {
		size = 400<<10 + r.IntN(300<<10)
	}
	b := make([]byte, size)
	fill(b, n)
	return b
}

// fill makes bytes of a seed, quickly.
func fill(b []byte, seed uint64) {
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}).Read(b)
}

func crashState(n uint64) relay.State {
	return relay.State{
		LSN: relay.LSN(n), Seq: relay.Seq(n), HLC: relay.HLC(n * 1000), Position: relay.Position(fmt.Sprint("position ", n)),
	}
}

func crashEntry(n uint64) relay.Entry {
	return relay.Entry{
		Kind: relay.Local, Seq: relay.Seq(n), HLC: relay.HLC(n * 1000), Keys: []string{fmt.Sprintf("g%020d", n)},
		Position: crashState(n).Position,
	}
}

func writeEntries(ctx context.Context, db *relaylog.DB) error {
	local := db.Local()
	durable := make(chan relay.LSN, 64)
	var acks sync.WaitGroup
	defer acks.Wait()
	defer close(durable)
	acks.Go(func() {
		for lsn := range durable {
			if local.WaitDurable(ctx, lsn) == nil {
				acknowledge("L", uint64(lsn))
			}
		}
	})
	for n := local.Last() + 1; ; n++ {
		if n%17 == 0 { // one that is torn
			torn := local.Begin(ctx)
			torn.Append(crashNative(37 * n))
			torn.Discard()
		}
		w := local.Begin(ctx)
		if err := w.Append(crashNative(n)); err != nil {
			return err
		}
		if err := w.Commit(crashEntry(n), crashState(n)); err != nil {
			return err
		}
		durable <- relay.LSN(n)
		if n%50 == 0 && n > 100 {
			if err := local.Trim(n - 100); err != nil {
				return err
			}
			acknowledge("T", n-100)
		}
		if n%7 == 0 {
			if err := db.Promise(ctx, relay.HLC(n*1000+500)); err != nil {
				return err
			}
			acknowledge("P", n*1000+500)
		}
	}
}

func receiveTransactions(ctx context.Context, db *relaylog.DB) error {
	stream := db.Received(crashPeer)
	for n := stream.Last() + 1; ; n++ {
		w, err := stream.Begin(ctx, relay.Transaction{Origin: crashPeer, Seq: relay.Seq(n)})
		if err != nil {
			return err
		}
		if err := w.Append(crashNative(n)); err != nil {
			return err
		}
		if err := w.Commit(); err != nil {
			return err
		}
		if n%10 == 0 {
			if err := db.Write(ctx, nil); err != nil { // a barrier: everything before it is durable
				return err
			}
			acknowledge("R", n)
		}
		if n%50 == 0 && n > 100 {
			if err := stream.Trim(n - 100); err != nil {
				return err
			}
		}
	}
}

// receiveAhead takes everything twice: first something that its origin forgets again. What is safe is acknowledged.
func receiveAhead(ctx context.Context, db *relaylog.DB) error {
	stream := db.Received(crashVanguard)
	for n := stream.Last() + 1; ; n++ {
		for _, native := range [][]byte{[]byte("never was"), crashNative(n)} {
			stream.TakeBack()
			if len(native) > relay.MaxAheadBytes {
				native = nil
			}
			w, err := stream.BeginAhead(ctx, relay.Transaction{Origin: crashVanguard, Seq: relay.Seq(n)})
			if err != nil {
				return err
			}
			if err := errors.Join(w.Append(native), w.Commit()); err != nil {
				return err
			}
		}
		if err := stream.Confirm(relay.Seq(n)); err != nil {
			return err
		}
		if err := stream.WaitSafe(ctx, relay.Seq(n)); err != nil {
			return err
		}
		acknowledge("A", n)
		if n%50 == 0 && n > 100 {
			if err := stream.Trim(n - 100); err != nil {
				return err
			}
		}
	}
}

func writeStore(ctx context.Context, db *relaylog.DB) error {
	for n := uint64(1); ; n++ {
		value := []byte(strconv.FormatUint(n, 10))
		if err := db.Write(ctx, []relay.Pair{{Key: []byte("one"), Value: value}, {Key: []byte("two"), Value: value}}); err != nil {
			return err
		}
		acknowledge("W", n)
	}
}

// crashSteps are the steps that write.
var crashSteps = []string{
	"taken", "built", "logged", "committed", "synced", "published", "finished", "chunk", "trimmed", "settled", "checkpoint", "sealed", "removed",
}

// TestEveryStepIsKilled reads the code for steps: one that writes must be among those that the writer is killed at.
func TestEveryStepIsKilled(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	// Letting the mapped pages go writes nothing.
	known := append([]string{"released"}, crashSteps...)
	var found []string
	for _, file := range files {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`\.step\("(\w+)"\)`).FindAllSubmatch(code, -1) {
			found = append(found, string(m[1]))
		}
	}
	slices.Sort(known)
	slices.Sort(found)
	if !slices.Equal(known, found) {
		t.Errorf("the steps are %q, and the known ones %q", found, known)
	}
}

// TestKilledAtEveryStep kills the writer between any two of its steps, again and again in the same store.
func TestKilledAtEveryStep(t *testing.T) {
	for _, step := range crashSteps {
		t.Run(step, func(t *testing.T) {
			dir := t.TempDir()
			for _, count := range []int{1, 5} {
				crash(t, dir, fmt.Sprint(step, " ", count), 0)
			}
		})
	}
}

// TestKilledAtAnyMoment kills the writer after a random number of acknowledgements.
func TestKilledAtAnyMoment(t *testing.T) {
	dir := t.TempDir()
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	for range rounds {
		crash(t, dir, "", 1+rand.IntN(400))
	}
}

// TestKilledWhileItOpens kills at any moment up to the first acknowledgement: in the making of a store, and in the opening of one
// that was left like that.
func TestKilledWhileItOpens(t *testing.T) {
	begin := time.Now()
	crash(t, t.TempDir(), "", 1)
	opens := time.Since(begin)
	for range 6 {
		dir := t.TempDir()
		for range 3 {
			crashAfter(t, dir, rand.N(opens))
		}
	}
}

// crashAfter kills a child some time after its start.
func crashAfter(t *testing.T, dir string, life time.Duration) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(life, func() { child.Process.Kill() })
	defer kill.Stop()
	if err := child.Wait(); child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child was not killed: %v", err)
	}
	checkAfterCrash(t, dir, nil)
}

// crash runs a child until it is dead and checks what it left.
func crash(t *testing.T, dir, step string, lines int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir, crashStep+"="+step)
	var stderr bytes.Buffer
	child.Stderr = &stderr
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	acked := make(map[string]uint64)
	for out := bufio.NewScanner(stdout); out.Scan(); {
		kind, number, _ := strings.Cut(out.Text(), " ")
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			t.Fatalf("the child said %q", out.Text())
		}
		acked[kind] = n
		if lines--; lines == 0 {
			child.Process.Kill()
		}
	}
	if err := child.Wait(); child.ProcessState.ExitCode() != -1 || ctx.Err() != nil {
		t.Fatalf("the child was not killed at %q: %v\n%s", step, errors.Join(err, ctx.Err()), stderr.String())
	}
	checkAfterCrash(t, dir, acked)
}

func checkAfterCrash(t *testing.T, dir string, acked map[string]uint64) {
	t.Helper()
	db := open(t, dir, relaylog.Options{})
	defer db.Close()
	local := db.Local()
	if local.Last() < acked["L"] || local.First() < acked["T"] {
		t.Errorf("local stream is %d..%d; %d was acknowledged, and trimming to %d", local.First(), local.Last(), acked["L"], acked["T"])
	}
	checkState(t, db, acked)
	for n := local.First(); n <= local.Last(); n++ {
		e, body, err := local.Entry(relay.LSN(n))
		checkCrashed(t, n, body, err)
		if e.Seq != relay.Seq(n) || e.HLC != relay.HLC(n*1000) {
			t.Errorf("entry %d is %+v", n, e)
		}
		if lsn, err := local.Floor("g", fmt.Sprintf("g%020d", n)); lsn != relay.LSN(n) {
			t.Errorf("entry %d is not found by its key: %d, %v", n, lsn, err)
		}
		if lsn, err := local.BySeq(relay.Seq(n)); lsn != relay.LSN(n) {
			t.Errorf("entry %d is not found by its sequence: %d, %v", n, lsn, err)
		}
	}
	received := db.Received(crashPeer)
	if received.Last() < acked["R"] {
		t.Errorf("received up to %d, acknowledged %d", received.Last(), acked["R"])
	}
	for n := max(received.First(), received.Last()-min(received.Last(), 200)); n <= received.Last(); n++ {
		_, body, err := received.Transaction(relay.Seq(n))
		checkCrashed(t, n, body, err)
	}
	checkVanguard(t, db, acked["A"])
	checkPair(t, db, acked["W"])
}

// checkVanguard has the log take up what was safe, which is all that a database can have of it.
func checkVanguard(t *testing.T, db *relaylog.DB, acked uint64) {
	t.Helper()
	stream := db.Received(crashVanguard)
	if err := stream.Reclaim(t.Context(), relay.Seq(acked)); err != nil {
		t.Fatal(err)
	}
	if stream.Last() < acked {
		t.Errorf("of what was sent ahead %d are there, %d were safe", stream.Last(), acked)
	}
	for n := max(stream.First(), stream.Last()-min(stream.Last(), 100)); n <= stream.Last(); n++ {
		_, body, err := stream.Transaction(relay.Seq(n))
		if err != nil {
			t.Fatal(err)
		}
		want := crashNative(n)
		if len(want) > relay.MaxAheadBytes {
			want = nil
		}
		if got, err := collect(body); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("transaction %d that was sent ahead has %d bytes that are not what was confirmed (%v)", n, len(got), err)
		}
	}
}

func checkState(t *testing.T, db *relaylog.DB, acked map[string]uint64) {
	t.Helper()
	got, want := db.State(), crashState(db.Local().Last())
	if want.LSN == 0 {
		want = relay.State{}
	}
	if got.LSN != want.LSN || got.Seq != want.Seq || got.Position != want.Position {
		t.Errorf("state is %+v, want %+v", got, want)
	}
	if got.HLC < want.HLC || got.HLC < relay.HLC(acked["P"]) || got.HLC > want.HLC+500 {
		t.Errorf("clock is %d, promised %d, entry has %d", got.HLC, acked["P"], want.HLC)
	}
}

func checkCrashed(t *testing.T, n uint64, body relay.Body, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := collect(body); err != nil || !bytes.Equal(got, crashNative(n)) {
		t.Fatalf("record %d has %d bytes that are not what was written (%v)", n, len(got), err)
	}
}

func checkPair(t *testing.T, db *relaylog.DB, acked uint64) {
	t.Helper()
	if acked == 0 {
		return
	}
	one, err1 := db.Get([]byte("one"))
	two, err2 := db.Get([]byte("two"))
	n, err3 := strconv.ParseUint(string(one), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || !bytes.Equal(one, two) || n < acked {
		t.Errorf("the store has %s and %s, acknowledged %d (%v, %v, %v)", one, two, acked, err1, err2, err3)
	}
}
func contextWithTimeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}
