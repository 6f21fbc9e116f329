package browser

import (
	"encoding/json"
	"slices"
)

// complaints are what the browser has against the pages: breaches of their security policy, scripts that fail, files that are missing.
type complaints struct{ list []string }

func (c *complaints) note(m message) {
	var p struct {
		Entry struct {
			Level, Text, URL string
		}
		ExceptionDetails struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	if json.Unmarshal(m.Params, &p) != nil {
		return
	}
	switch {
	case m.Method == "Log.entryAdded" && p.Entry.Level != "info" && p.Entry.Level != "verbose":
		c.list = append(c.list, p.Entry.Text+" "+p.Entry.URL)
	case m.Method == "Runtime.exceptionThrown":
		c.list = append(c.list, p.ExceptionDetails.Text+" "+p.ExceptionDetails.Exception.Description)
	}
}

// Complaints returns what the browser has complained of since it was started.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.list)
}
