package main

import (
	"testing"
)

func TestParseGreeting(t *testing.T) {
	after := "\x07\x00\x00\x00saltsalt\x00"
	tests := []struct {
		name, packet, version string
		tls, fails            bool
	}{
		{"MariaDB 10", "\x0a5.5.5-10.11.19-MariaDB-log\x00" + after + "\xfe\xf7", "10.11.19-MariaDB-log", false, false},
		{"MariaDB 11", "\x0a11.8.6-MariaDB-log\x00" + after + "\xfe\xff", "11.8.6-MariaDB-log", true, false},
		{"MySQL", "\x0a9.7.4\x00" + after + "\xff\xff", "9.7.4", true, false},
		{"turned away", "\xff\x10\x04Too many connections", "", false, true},
		{"empty", "", "", false, true},
		{"another protocol", "SSH-2.0-OpenSSH", "", false, true},
		{"no end of the version", "\x0a9.7.4", "", false, true},
		{"cut", "\x0a9.7.4\x00" + after + "\xff", "", false, true},
	}
	for _, test := range tests {
		g, err := parseGreeting([]byte(test.packet))
		if (err != nil) != test.fails || g.Version != test.version || g.TLS != test.tls {
			t.Errorf("%s: %+v, %v", test.name, g, err)
		}
	}
}

// FuzzParseGreeting reads what anybody could answer.
func FuzzParseGreeting(f *testing.F) {
	f.Add([]byte("\x0a9.7.4\x00\x07\x00\x00\x00saltsalt\x00\xff\xff"))
	f.Add([]byte("\xff\x10\x04no"))
	f.Fuzz(func(_ *testing.T, packet []byte) { _, _ = parseGreeting(packet) })
}
