package relaylog_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

const vanguard = relay.Region(4)

// sendAhead takes transactions whose origin is not sure of them.
func sendAhead(t *testing.T, db *relaylog.DB, first relay.Seq, natives ...string) {
	t.Helper()
	for i, native := range natives {
		tx := relay.Transaction{Origin: vanguard, Seq: first + relay.Seq(i), Size: int64(len(native))}
		w, err := db.Received(vanguard).BeginAhead(t.Context(), tx)
		if err == nil {
			err = errors.Join(w.Append([]byte(native)), w.Commit())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// waits tells that the transaction is not safe.
func waits(t *testing.T, s relay.ReceivedStream, seq relay.Seq) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.WaitSafe(ctx, seq); !errors.Is(err, context.Canceled) {
		t.Errorf("transaction %d is safe before its time (%v)", seq, err)
	}
}

func read(t *testing.T, s relay.ReceivedStream, seq relay.Seq) string {
	t.Helper()
	_, body, err := s.Transaction(seq)
	if err != nil {
		t.Fatal(err)
	}
	native, err := collect(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(native)
}

// barrier returns when all that was committed before it is durable.
func barrier(t *testing.T, db *relaylog.DB) {
	t.Helper()
	if err := db.Write(t.Context(), []relay.Pair{{Key: []byte("k")}}); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsSentAheadIsPartOfTheStreamWhenItIsConfirmed(t *testing.T) {
	options := relaylog.Options{}
	db := open(t, t.TempDir(), options.WithLinger(time.Hour))
	defer mustClose(t, db)
	s := db.Received(vanguard)
	c, err := s.Follow(1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sendAhead(t, db, 1, "one", "two")
	for seq, want := range map[relay.Seq]string{1: "one"} {
		tx, body, err := c.Next(t.Context())
		if native, _ := collect(body); err != nil || tx.Seq != seq || string(native) != want {
			t.Fatalf("who follows got %+v %q (%v)", tx, native, err)
		}
	}
	barrier(t, db)
	waits(t, s, 1)
	if s.Last() != 0 {
		t.Fatalf("the stream ends at %d, and nothing was confirmed", s.Last())
	}
	if !s.Knows(2) || s.Knows(3) {
		t.Error("what was sent ahead is not known, or more than that")
	}
	if err := s.Confirm(1); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitSafe(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	waits(t, s, 2)
	if s.Last() != 0 {
		t.Error("a confirmation has the log synced")
	}
	barrier(t, db)
	if s.Last() != 1 || read(t, s, 1) != "one" {
		t.Errorf("the stream ends at %d", s.Last())
	}
}

func TestWhatIsTakenBackNeverWas(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{})
	defer mustClose(t, db)
	s := db.Received(vanguard)
	if s.TakeBack() {
		t.Error("something was taken back of nothing")
	}
	sendAhead(t, db, 1, "one", "two", "three")
	if err := s.Confirm(1); err != nil {
		t.Fatal(err)
	}
	if !s.TakeBack() || s.TakeBack() {
		t.Error("what was taken back was not said once")
	}
	c, err := s.Follow(1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sendAhead(t, db, 2, "another")
	if err := s.Confirm(2); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one", "another"} {
		if _, body, err := c.Next(t.Context()); err != nil {
			t.Fatal(err)
		} else if native, _ := collect(body); string(native) != want {
			t.Errorf("got %q, want %q", native, want)
		}
	}
	if err := s.WaitDurable(t.Context(), 2); err != nil || read(t, s, 2) != "another" {
		t.Errorf("got %q (%v)", read(t, s, 2), err)
	}
}

func TestRefusedAhead(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{})
	defer mustClose(t, db)
	s := db.Received(vanguard)
	begin := func(seq relay.Seq, size int64) (relay.TransactionWriter, error) {
		return s.BeginAhead(t.Context(), relay.Transaction{Origin: vanguard, Seq: seq, Size: size})
	}
	refused := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	_, err := begin(1, relay.MaxAheadBytes+1)
	refused(err, "more than 16384 bytes")
	_, err = begin(2, 1)
	refused(err, "hole")
	refused(s.Confirm(1), "confirmed and is not here")
	w, err := begin(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	refused(w.Append(make([]byte, relay.MaxAheadBytes+1)), "more than 16384 bytes")
	w.Discard()
	sendAhead(t, db, 1, make([]string, relay.MaxAhead)...)
	_, err = begin(relay.MaxAhead+1, 1)
	refused(err, "32 before it are not confirmed")
	_, err = s.Begin(t.Context(), relay.Transaction{Origin: vanguard, Seq: relay.MaxAhead + 1})
	refused(err, "has not confirmed")
	refused(s.Confirm(relay.MaxAhead+1), "confirmed and is not here")
	if err := s.Confirm(relay.MaxAhead); err != nil {
		t.Fatal(err)
	}
	if _, err = begin(relay.MaxAhead+1, 1); err != nil {
		t.Error(err)
	}
}

// TestCopiesSurviveACrash ends the machine, as it were, after transactions were safe and before they were in the stream.
func TestCopiesSurviveACrash(t *testing.T) {
	dir, after := t.TempDir(), t.TempDir()
	options := relaylog.Options{}
	db := open(t, dir, options.WithLinger(time.Hour))
	defer mustClose(t, db)
	s := db.Received(vanguard)
	sendAhead(t, db, 1, "never was", "nor this", "nor that")
	s.TakeBack()
	sendAhead(t, db, 1, "one", "two", "not confirmed")
	barrier(t, db) // else the copies would go to disk with what follows
	if err := s.Confirm(2); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitSafe(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(after, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	crashed := open(t, after, relaylog.Options{})
	defer mustClose(t, crashed)
	s = crashed.Received(vanguard)
	if s.Last() != 0 {
		t.Fatalf("the crash came too late: the stream ends at %d", s.Last())
	}
	if !s.Knows(2) || s.Knows(4) {
		t.Error("what there is a copy of is not known, or more than that")
	}
	for range 2 { // the second one finds it done
		if err := s.Reclaim(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		if s.Last() != 2 || read(t, s, 1) != "one" || read(t, s, 2) != "two" {
			t.Errorf("the stream ends at %d, with %q and %q", s.Last(), read(t, s, 1), read(t, s, 2))
		}
	}
	if err := s.Reclaim(t.Context(), 100); err != nil || s.Last() != 3 {
		t.Errorf("what there is a copy of ends at %d (%v)", s.Last(), err)
	}
	if tx, _, err := s.Transaction(1); err != nil || tx.Origin != vanguard || tx.Size != 3 {
		t.Errorf("it is %+v (%v)", tx, err)
	}
}

// TestCopiesSurviveACheckpoint is TestCopiesSurviveACrash with a checkpoint between copy and crash: what is before it is not replayed.
func TestCopiesSurviveACheckpoint(t *testing.T) {
	dir, after := t.TempDir(), t.TempDir()
	made := make(chan struct{}, 100)
	options := relaylog.Options{}.WithLinger(time.Hour).WithCheckpoints(64 << 10).WithStep(func(step string) {
		if step == "checkpoint" {
			made <- struct{}{}
		}
	})
	db := open(t, dir, options)
	defer mustClose(t, db)
	sendAhead(t, db, 1, "one")
	barrier(t, db)
	if err := db.Write(t.Context(), []relay.Pair{{Key: []byte("large"), Value: make([]byte, 65<<10)}}); err != nil {
		t.Fatal(err)
	}
	<-made
	if err := os.CopyFS(after, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	crashed := open(t, after, relaylog.Options{})
	defer mustClose(t, crashed)
	s := crashed.Received(vanguard)
	if err := s.Reclaim(t.Context(), 1); err != nil || s.Last() != 1 || read(t, s, 1) != "one" {
		t.Errorf("the stream ends at %d (%v)", s.Last(), err)
	}
}

// TestPlacesOfCopies has more transactions sent ahead than there are places: a place is free when its transaction is in the stream.
func TestPlacesOfCopies(t *testing.T) {
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	options := relaylog.Options{}.WithSync(func(*os.File) error {
		<-hold // else the disk may be faster than the test
		return nil
	})
	db := open(t, t.TempDir(), options)
	defer mustClose(t, db)
	defer release()
	s := db.Received(vanguard)
	for half := range relay.Seq(2) {
		sendAhead(t, db, half*relay.MaxAhead+1, make([]string, relay.MaxAhead)...)
		if err := s.Confirm((half + 1) * relay.MaxAhead); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	next := relay.Transaction{Origin: vanguard, Seq: 2*relay.MaxAhead + 1}
	if _, err := s.BeginAhead(ctx, next); !errors.Is(err, context.Canceled) {
		t.Fatalf("the place was given away (%v)", err)
	}
	release()
	barrier(t, db)
	if _, err := s.BeginAhead(t.Context(), next); err != nil {
		t.Error(err)
	}
}

// TestCopiesThatCannotBeWritten fills the disk.
func TestCopiesThatCannotBeWritten(t *testing.T) {
	full := make(chan uint64, 1)
	full <- 1 << 40
	options := relaylog.Options{}.WithFree(func(string) (uint64, error) {
		free := <-full
		full <- free
		return free, nil
	})
	db := open(t, t.TempDir(), options)
	defer mustClose(t, db)
	s := db.Received(vanguard)
	sendAhead(t, db, 1, "one")
	if err := s.Confirm(1); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitDurable(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	<-full
	full <- 0
	sendAhead(t, db, 2, "two")
	if err := s.WaitSafe(t.Context(), 2); err == nil {
		t.Error("it is safe without a copy")
	}
	if err := s.Confirm(2); err == nil {
		t.Error("what is lost was confirmed")
	}
	if !s.TakeBack() {
		t.Error("nobody is told that something is lost")
	}
	<-full
	full <- 1 << 40
	sendAhead(t, db, 2, "again")
	if err := s.Confirm(2); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitDurable(t.Context(), 2); err != nil || read(t, s, 2) != "again" {
		t.Error(err)
	}
}

// TestSafeIsSafe loses a transaction on its way into the stream, after it was said to be safe.
func TestSafeIsSafe(t *testing.T) {
	var full atomic.Bool
	options := relaylog.Options{}.WithLinger(time.Hour).WithFree(func(string) (uint64, error) {
		if full.Load() {
			return 0, nil
		}
		return 1 << 40, nil
	})
	db := open(t, t.TempDir(), options)
	defer mustClose(t, db)
	s := db.Received(vanguard)
	sendAhead(t, db, 1, "one", "two")
	barrier(t, db)
	full.Store(true)
	if err := errors.Join(s.Confirm(1), s.WaitSafe(t.Context(), 1)); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), []relay.Pair{{Key: []byte("k")}}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if !s.Knows(1) || s.Knows(2) {
		t.Error("what is safe is forgotten, or more is known")
	}
	full.Store(false)
	if err := s.Reclaim(t.Context(), 1); err != nil || s.Last() != 1 || read(t, s, 1) != "one" {
		t.Errorf("the stream ends at %d (%v)", s.Last(), err)
	}
}

// TestWhatComes shows entries while they are on their way, and counts what was lost of them.
func TestWhatComes(t *testing.T) {
	hold, synced := make(chan struct{}), make(chan struct{}, 100)
	options := relaylog.Options{}.WithSync(func(*os.File) error {
		synced <- struct{}{}
		<-hold
		return nil
	})
	db := open(t, t.TempDir(), options)
	local := db.Local()
	comes := local.Comes()
	begin := func() relay.EntryWriter { return local.Begin(t.Context()) }
	w := begin()
	if err := errors.Join(w.Append([]byte("x")), w.Commit(relay.Entry{Kind: relay.Frame}, relay.State{})); err != nil {
		t.Fatal(err)
	}
	select {
	case <-comes:
		t.Error("a frame was announced")
	default:
	}
	w = begin()
	if err := errors.Join(w.Append([]byte("native")), w.Commit(relay.Entry{Kind: relay.Local, Seq: 1, HLC: 7}, relay.State{Seq: 1, HLC: 7})); err != nil {
		t.Fatal(err)
	}
	<-comes
	<-synced
	e, body, ok := local.Coming(1)
	if native, _ := collect(body); !ok || e.HLC != 7 || e.LSN != 2 || string(native) != "native" {
		t.Errorf("got %+v %q %v", e, native, ok)
	}
	if _, _, ok := local.Coming(2); ok {
		t.Error("nothing was there, and it came")
	}
	close(hold)
	if err := local.WaitDurable(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := local.Coming(1); ok || local.Losses() != 0 {
		t.Error("what is durable still comes, or counts as lost")
	}
	mustClose(t, db)
}
