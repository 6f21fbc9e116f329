// Package config reads a relay's configuration file.
//
// The file is TOML. Keys that the relay does not know are errors, because a misspelt setting that is silently ignored
// is found in the worst hour. Any string may be "env:NAME" or "file:PATH"; everything that is wrong is reported at
// once, in the operator's words. Passwords never leave the package in text: a [Secret] prints as a placeholder.
package config
