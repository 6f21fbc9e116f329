// Package protocoltest is one suite for all engines: what the rest of Octant relies on when it is given a relay.Source, a relay.Target and a
// relay.Decoder, shown with a real server. An engine brings an Engine; everything else is the same for all.
package protocoltest
