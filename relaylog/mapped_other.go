//go:build !linux

package relaylog

// releaseMapped leaves it to the system.
func releaseMapped(string) error { return nil }
