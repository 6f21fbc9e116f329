// Package replicas holds tests with stock replicas of every engine behind a real relay: they follow in every way, stay identical to the
// relay's source, and survive what happens to relays and to themselves.
package replicas
