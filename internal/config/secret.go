package config

import "log/slog"

// Secret is a password. It prints, logs and marshals as a placeholder; string(s) is the password itself.
type Secret string

const redacted = "[redacted]"

// String hides the secret.
func (Secret) String() string { return redacted }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return redacted }

// LogValue hides the secret from structured logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the secret from JSON and TOML.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
