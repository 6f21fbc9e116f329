// Package deploy is no code: it holds what relays are deployed and watched with, and the tests of that. README.md lists it.
package deploy
