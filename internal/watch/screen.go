package watch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// plainWidth is how wide lines may be where nobody said.
const plainWidth = 120

// What a terminal is told: ECMA-48 control sequences.
const (
	cursorOff = "\x1b[?25l"
	cursorOn  = "\x1b[?25h"
	home      = "\x1b[H"
	clearLine = "\x1b[K" // to the end of the line
	clearRest = "\x1b[J" // to the end of the screen
)

// Show draws the relay once.
func Show(ctx context.Context, fetch Fetch, w io.Writer) error {
	s, err := fetch(ctx)
	if err != nil {
		return err
	}
	return Render(w, s, nil, width(w))
}

// Watch draws the relay every interval until ctx ends, which is no error. On a terminal each picture takes the place of the one
// before; elsewhere they follow each other. A relay that does not answer at first is an error; one that stops answering later is shown
// as such, for it may be back.
func Watch(ctx context.Context, fetch Fetch, w io.Writer, interval time.Duration) (err error) {
	v := view{w: w, terminal: isTerminal(w)}
	last, err := fetch(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	if err := v.open(); err != nil {
		return err
	}
	defer func() {
		if closeErr := v.close(); err == nil {
			err = closeErr
		}
	}()
	if err := v.draw(func(w io.Writer) error { return Render(w, last, nil, v.width()) }); err != nil {
		return err
	}
	ticks := time.NewTicker(max(interval, time.Millisecond))
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		if last, err = v.step(ctx, fetch, last); err != nil {
			return stopped(ctx, err)
		}
	}
}

// stopped is no error if it comes from being asked to stop.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// view is where pictures are drawn.
type view struct {
	w        io.Writer
	terminal bool
	pictures int
}

// step draws the next picture and returns what it shows, or the last snapshot if there is no new one.
func (v *view) step(ctx context.Context, fetch Fetch, last Snapshot) (Snapshot, error) {
	next, err := fetch(ctx)
	if err != nil && ctx.Err() != nil {
		return last, err
	}
	if err != nil {
		return last, v.draw(func(w io.Writer) error {
			fmt.Fprintf(w, "%s\n\nlast seen %s:\n\n", cut(err.Error(), v.width()), last.At.UTC().Format(time.DateTime))
			return Render(w, last, nil, v.width())
		})
	}
	return next, v.draw(func(w io.Writer) error { return Render(w, next, &last, v.width()) })
}

func (v *view) open() error {
	if !v.terminal {
		return nil
	}
	_, err := io.WriteString(v.w, cursorOff+home+clearRest)
	return err
}

func (v *view) close() error {
	if !v.terminal {
		return nil
	}
	_, err := io.WriteString(v.w, cursorOn)
	return err
}

// draw writes one picture in one piece, so that it does not flicker.
func (v *view) draw(picture func(io.Writer) error) error {
	var b bytes.Buffer
	if err := picture(&b); err != nil {
		return err
	}
	text := b.String()
	if v.terminal {
		text = home + strings.ReplaceAll(v.fit(text), "\n", clearLine+"\n") + clearRest
	} else if v.pictures > 0 {
		text = "\n" + text
	}
	v.pictures++
	_, err := io.WriteString(v.w, text)
	return err
}

// fit leaves out the lines that the terminal has no room for: it would scroll.
func (v *view) fit(text string) string {
	_, height, ok := size(v.w)
	lines := strings.SplitAfter(text, "\n")
	if !ok || height < 2 || len(lines) <= height {
		return text
	}
	return strings.Join(lines[:height-2], "") + fmt.Sprintf("… %d more lines\n", len(lines)-1-(height-2))
}

func (v *view) width() int { return width(v.w) }

func width(w io.Writer) int {
	if n, _, ok := size(w); ok && n > 0 {
		return n
	}
	return plainWidth
}

func size(w io.Writer) (width, height int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0, 0, false
	}
	width, height, err := term.GetSize(int(f.Fd()))
	return width, height, err == nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
