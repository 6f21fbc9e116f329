// Package pgtest gives tests the servers that package pgserver runs: each ends with its test, and what goes wrong fails it.
package pgtest
