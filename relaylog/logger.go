package relaylog

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// badgerLogger passes on what Badger says. It also listens for the one failure that Badger only says: that syncing the
// value log failed (valueLog.write in Badger 4.9.6 logs it and goes on to report success).
type badgerLogger struct {
	log *slog.Logger

	mu   sync.Mutex
	sync error
}

const syncComplaint = "Error while curlf sync"

// Errorf implements badger.Logger.
func (l *badgerLogger) Errorf(format string, args ...any) {
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	if strings.HasPrefix(format, syncComplaint) {
		l.mu.Lock()
		l.sync = complaint(text, args)
		l.mu.Unlock()
	}
	l.log.Error("badger: " + text)
}

func complaint(text string, args []any) error {
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			return fmt.Errorf("sync value log: %w", err)
		}
	}
	return fmt.Errorf("sync value log: %s", text)
}

// syncFailure returns the first failure to sync, for good: after it nobody knows what is on the disk.
func (l *badgerLogger) syncFailure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sync
}

// Warningf implements badger.Logger.
func (l *badgerLogger) Warningf(format string, args ...any) {
	l.log.Warn("badger: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// Infof implements badger.Logger. What Badger finds informative is of use to developers.
func (l *badgerLogger) Infof(format string, args ...any) { l.debug(format, args) }

// Debugf implements badger.Logger.
func (l *badgerLogger) Debugf(string, ...any) {}

func (l *badgerLogger) debug(format string, args []any) {
	l.log.Debug("badger: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
}
