package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// process is a running child. One goroutine owns it from start to end.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once the child has been reaped
	err  error         // why it ended; valid after done
}

// startProcess starts the command with its output appended to the file logPath.
func startProcess(cmd *exec.Cmd, logPath string) (*process, error) {
	if err := os.MkdirAll(filepath.Dir(logPath), 0o700); err != nil {
		return nil, fmt.Errorf("make log folder: %w", err)
	}
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open process log: %w", err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttributes()
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.own(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// own starts and reaps the child on one locked thread, because Linux sends the parent-death signal when the
// thread that forked ends, not the process: see PR_SET_PDEATHSIG in prctl(2).
func (p *process) own(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err == nil {
		p.err = p.cmd.Wait()
	}
	close(p.done)
}

func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// terminate asks the child to end and waits. When ctx ends first the child is killed and ctx's cause returned.
// Otherwise the result is the child's: nil for exit code 0.
func (p *process) terminate(ctx context.Context) error {
	if !p.running() {
		return p.endOf()
	}
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), p.kill())
	}
}

// kill ends the child with SIGKILL and waits until it is gone.
func (p *process) kill() error {
	if !p.running() {
		return nil
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

func (p *process) endOf() error {
	if p == nil {
		return nil
	}
	return p.err
}

// fate tells how a process that was reaped ended, such as "exit status 1".
func (p *process) fate() string {
	if p == nil || p.cmd.ProcessState == nil {
		return "never started"
	}
	return p.cmd.ProcessState.String()
}

func (p *process) signal(s os.Signal) error {
	err := p.cmd.Process.Signal(s)
	if err == nil || errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return fmt.Errorf("signal process: %w", err)
}

// logTail returns the last limit bytes of a log, or why it cannot be read.
func logTail(path string, limit int64) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	from := max(0, info.Size()-limit)
	tail := make([]byte, info.Size()-from)
	n, _ := f.ReadAt(tail, from)
	return string(tail[:n])
}

// reportedLines is how many lines of each log a bed's report has.
const reportedLines = 12

// complaints are the last lines of a database's log that are not about its daily work.
func complaints(log string) string {
	lines := slices.DeleteFunc(strings.Split(log, "\n"), func(line string) bool {
		return strings.Contains(line, "[Note]") || strings.Contains(line, "[System]") || strings.Contains(line, "Aborted connection")
	})
	return lastLines(strings.Join(lines, "\n"), reportedLines)
}

// lastLines returns the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
