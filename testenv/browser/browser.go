package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// ErrMissing says that there is no Chromium on this machine.
var ErrMissing = errors.New("there is no chromium; make engines installs it (Debian package chromium)")

// Browser is one Chromium with one page. Its methods are for one goroutine.
type Browser struct {
	process *exec.Cmd
	send    *os.File
	receive *os.File
	profile string
	page    string // the session of the page
	last    int

	reading sync.WaitGroup
	mu      sync.Mutex
	answers map[int]chan message
	events  map[string]int // how often each event came
	complaints
	changed chan struct{} // closed and made anew whenever an event comes
}

// message is anything that the browser says.
type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// Start starts a browser with an empty page of the size in CSS pixels. Close ends it.
func Start(ctx context.Context, width, height int) (*Browser, error) {
	program, err := exec.LookPath("chromium")
	if err != nil {
		return nil, ErrMissing
	}
	profile, err := os.MkdirTemp("", "octant-browser-")
	if err != nil {
		return nil, fmt.Errorf("make the browser's folder: %w", err)
	}
	b := &Browser{profile: profile, answers: map[int]chan message{}, events: map[string]int{}, changed: make(chan struct{})}
	if err := b.run(program); err != nil {
		return nil, errors.Join(err, os.RemoveAll(profile))
	}
	if err := b.open(ctx, width, height); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// run starts the process with its two pipes. It has no network but the loopback's, and no sandbox of its own: tests run as root.
func (b *Browser) run(program string) error {
	theirs, send, err := os.Pipe()
	if err != nil {
		return err
	}
	receive, theirsToo, err := os.Pipe()
	if err != nil {
		return errors.Join(err, theirs.Close(), send.Close())
	}
	b.send, b.receive = send, receive
	b.process = exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--force-color-profile=srgb",
		"--remote-debugging-pipe", "--user-data-dir="+b.profile)
	b.process.ExtraFiles = []*os.File{theirs, theirsToo}
	err = b.process.Start()
	theirs.Close()
	theirsToo.Close()
	if err != nil {
		return errors.Join(fmt.Errorf("start the browser: %w", err), send.Close(), receive.Close())
	}
	b.reading.Go(b.read)
	return nil
}

// read hands out what the browser says until it ends.
func (b *Browser) read() {
	in := bufio.NewReader(b.receive)
	for {
		line, err := in.ReadBytes(0)
		if err != nil {
			break
		}
		var m message
		if json.Unmarshal(bytes.TrimSuffix(line, []byte{0}), &m) == nil {
			b.hear(m)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, c := range b.answers {
		close(c)
		delete(b.answers, id)
	}
	b.answers = nil
}

func (b *Browser) hear(m message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m.ID != 0 {
		if c := b.answers[m.ID]; c != nil {
			c <- m
			delete(b.answers, m.ID)
		}
		return
	}
	b.events[m.Method]++
	b.complaints.note(m)
	close(b.changed)
	b.changed = make(chan struct{})
}

// call asks the browser for something and decodes its answer into result, which may be nil.
func (b *Browser) call(ctx context.Context, method string, params, result any) error {
	b.last++
	request := map[string]any{"id": b.last, "method": method, "params": params}
	if b.page != "" {
		request["sessionId"] = b.page
	}
	text, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	if b.answers == nil {
		b.mu.Unlock()
		return fmt.Errorf("%s: the browser has ended", method)
	}
	b.answers[b.last] = answer
	b.mu.Unlock()
	if _, err := b.send.Write(append(text, 0)); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	case m, open := <-answer:
		switch {
		case !open:
			return fmt.Errorf("%s: the browser has ended", method)
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case result != nil:
			return json.Unmarshal(m.Result, result)
		}
		return nil
	}
}

// closing bounds how long the browser may take to end by itself.
const closing = 5 * time.Second

// Close ends the browser and removes what it has written.
func (b *Browser) Close() error {
	b.send.Close() // it ends with its pipe
	ended := make(chan struct{})
	var killed sync.WaitGroup
	killed.Go(func() {
		timer := time.NewTimer(closing)
		defer timer.Stop()
		select {
		case <-timer.C:
			_ = b.process.Process.Kill()
		case <-ended:
		}
	})
	_ = b.process.Wait() // how it ended says nothing about the pages
	close(ended)
	killed.Wait()
	b.receive.Close()
	b.reading.Wait()
	if err := os.RemoveAll(b.profile); err != nil {
		return fmt.Errorf("remove the browser's folder: %w", err)
	}
	return nil
}
