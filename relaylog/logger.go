package relaylog

import (
	"fmt"
	"log/slog"
	"strings"
)

// badgerLogger passes on what Badger says.
type badgerLogger struct{ log *slog.Logger }

// Errorf implements badger.Logger.
func (l badgerLogger) Errorf(format string, args ...any) {
	l.log.Error("badger: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// Warningf implements badger.Logger.
func (l badgerLogger) Warningf(format string, args ...any) {
	l.log.Warn("badger: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// Infof implements badger.Logger. What Badger finds informative is of use to developers.
func (l badgerLogger) Infof(format string, args ...any) {
	l.log.Debug("badger: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// Debugf implements badger.Logger.
func (l badgerLogger) Debugf(string, ...any) {}
