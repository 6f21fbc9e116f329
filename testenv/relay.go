package testenv

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// StopDeadline is how long a relay may take to end after SIGTERM: the contract's 10 seconds.
const StopDeadline = 10 * time.Second

// RelayOptions says how one relay is run.
type RelayOptions struct {
	// Binary is the octant to run.
	Binary string
	// Dir receives the configuration and the log; the relay's data lies where Config says.
	Dir string
	// Config is complete except for Listen, which NewRelay fills in with reserved ports where it is empty.
	Config RelayConfig
	// Env is added to this process's environment.
	Env []string
}

// Relay is one `octant run` process. Its methods may be called from several goroutines; those that start
// and end it wait for each other.
type Relay struct {
	options RelayOptions
	ports   []*Port
	client  *http.Client

	mu      sync.Mutex
	process *process
}

// NewRelay reserves the ports and writes the configuration of a relay that Start then runs. Close ends it.
func NewRelay(o RelayOptions) (*Relay, error) {
	r := &Relay{options: o, client: &http.Client{Timeout: 2 * time.Second}}
	if err := r.create(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Relay) create() error {
	if err := os.MkdirAll(r.options.Dir, 0o700); err != nil {
		return fmt.Errorf("make relay folder: %w", err)
	}
	listen := &r.options.Config.Listen
	for _, addr := range []*string{&listen.MySQL, &listen.HTTP} {
		if *addr != "" {
			continue
		}
		port, err := ReservePort()
		if err != nil {
			return err
		}
		r.ports = append(r.ports, port)
		*addr = port.Addr()
	}
	return r.options.Config.writeFile(r.ConfigFile())
}

// Configure rewrites the configuration file after change; a running relay sees it at its next start.
func (r *Relay) Configure(change func(*RelayConfig)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.options.Config)
	return r.options.Config.writeFile(r.ConfigFile())
}

// Install puts another program in the place of the relay's: its next start runs that.
func (r *Relay) Install(binary string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.options.Binary = binary
}

// Start runs the relay, or does nothing when it runs. A relay that ended though nobody stopped or killed it
// is an error, for tests must notice that; after Kill it can be started again. Start does not wait for readiness: see WaitReady.
func (r *Relay) Start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process.running() {
		return nil
	}
	if r.process != nil {
		return fmt.Errorf("start relay: it had ended by itself: %s; its log ends:\n%s", r.process.fate(), r.LogTail())
	}
	cmd := exec.Command(r.options.Binary, "run", "--config", r.ConfigFile())
	cmd.Env = append(os.Environ(), r.options.Env...)
	p, err := startProcess(cmd, r.logPath())
	if err != nil {
		return err
	}
	r.process = p
	return nil
}

// Stop sends SIGTERM and waits. It fails, and kills, when the relay is not gone within StopDeadline, and
// fails when it ends with another exit code than 0 or had ended by itself before.
func (r *Relay) Stop(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process == nil {
		return nil
	}
	if !r.process.running() {
		return fmt.Errorf("stop relay: it had ended by itself: %s; its log ends:\n%s", r.process.fate(), r.LogTail())
	}
	late := fmt.Errorf("not gone %v after SIGTERM", StopDeadline)
	ctx, cancel := context.WithTimeoutCause(ctx, StopDeadline, late)
	defer cancel()
	err := r.process.terminate(ctx)
	r.process = nil
	if err != nil {
		return fmt.Errorf("stop relay: %w; its log ends:\n%s", err, r.LogTail())
	}
	return nil
}

// Kill ends the relay with SIGKILL and waits until it is gone.
func (r *Relay) Kill() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.process.kill()
	r.process = nil
	return err
}

// Restart kills the relay and starts it again on the same ports and data.
func (r *Relay) Restart() error {
	if err := r.Kill(); err != nil {
		return err
	}
	return r.Start()
}

// WaitReady polls /readyz until it answers 200. Query is the caller's own bar, such as
// "peers=all&max_lag=5s"; empty is the relay's. It fails at once when the relay's process ends.
func (r *Relay) WaitReady(ctx context.Context, query string) error {
	var last error
	err := poll(ctx, 20*time.Millisecond, func() (bool, error) {
		if !r.Running() {
			return false, fmt.Errorf("relay ended: %s", r.fate())
		}
		last = r.Ready(ctx, query)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for relay: %w (last answer: %v); its log ends:\n%s", err, last, r.LogTail())
	}
	return nil
}

// Ready asks /readyz once. The error of a relay that is not ready holds its answer.
func (r *Relay) Ready(ctx context.Context, query string) error {
	_, err := r.Get(ctx, "/readyz?"+query)
	return err
}

// Get reads a page of the relay's HTTP port, such as /metrics. Another status than 200 is an error that
// holds the start of the body.
func (r *Relay) Get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.HTTPAddr()+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask relay: %w", err)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask relay: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return nil, fmt.Errorf("ask relay: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask relay: %s: %.1000s", res.Status, body)
	}
	return body, nil
}

// Open returns connections to the relay's SQL port as one of its users. The caller closes them.
func (r *Relay) Open(user, password string) (*sql.DB, error) {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName = user, password, "octant"
	c.Net, c.Addr = "tcp", r.Addr()
	c.InterpolateParams = true
	c.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("connect to relay: %w", err)
	}
	return sql.OpenDB(connector), nil
}

// Running says whether the relay's process lives.
func (r *Relay) Running() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.process.running()
}

// PID returns the running process's id, or 0: for measuring its memory.
func (r *Relay) PID() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.process.running() {
		return 0
	}
	return r.process.cmd.Process.Pid
}

func (r *Relay) fate() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.process.fate()
}

// Close kills the relay and gives its ports back. Its files stay.
func (r *Relay) Close() error {
	err := r.Kill()
	for _, port := range r.ports {
		err = errors.Join(err, port.Release())
	}
	r.client.CloseIdleConnections()
	return err
}

// Addr is the relay's replication and SQL address itself, not through the Network.
func (r *Relay) Addr() string { return r.options.Config.Listen.MySQL }

// HTTPAddr is where the relay serves /readyz, /healthz and /metrics.
func (r *Relay) HTTPAddr() string { return r.options.Config.Listen.HTTP }

// ConfigFile is the path of the relay's configuration, for the other commands of octant.
func (r *Relay) ConfigFile() string { return filepath.Join(r.options.Dir, "octant.toml") }

// LogTail returns the end of what the relay wrote to stderr.
func (r *Relay) LogTail() string { return logTail(r.logPath(), 8<<10) }

func (r *Relay) logPath() string { return filepath.Join(r.options.Dir, "log") }
