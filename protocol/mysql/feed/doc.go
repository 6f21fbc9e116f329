// Package feed is the conversation between two relays: its wire form, and the side that subscribes.
//
// A subscriber logs in on the other relay's listen.mysql like any client, as a user with role "replicate", sends
//
//	SET @octant_subscribe = '<hex of its relay.Hello>', @octant_from = <first sequence>, @octant_origin = <0, or the id of a lost region>
//
// and then COM_BINLOG_DUMP with flags 0 and server id 0. What comes back looks like a binlog dump: packets of a zero
// byte and one event. The events are of five types that no server uses, flagged as ignorable, so that a stock tool that
// meets one passes over it:
//
//	 0        4      5           9      13        17      19
//	┌────────┬──────┬───────────┬──────┬─────────┬───────┬──────┬───────┐
//	│ time 0 │ type │ server id │ size │ end pos │ flags │ body │ CRC32 │
//	│        │      │           │      │    0    │ 0x80  │      │       │
//	└────────┴──────┴───────────┴──────┴─────────┴───────┴──────┴───────┘
//
//	0xF0  the publisher's relay.Hello, first and once
//	0xF1  a transaction begins: relay.Transaction
//	0xF2  native bytes of it, at most MaxChunk
//	0xF3  it ends: empty
//	0xF4  relay.Heartbeat, between transactions only
//	0xF5  a transaction begins that the publisher has not on its disk yet: relay.Transaction; from version 2 of the feed on
//	0xF6  the publisher has all up to this one on its disk: its sequence, u64 big endian; from version 2 on
//
// Numbers in the header are little endian. The bodies are the binary forms of package relay. A refusal is an ERR packet
// with code 1236 and a text for the operator.
package feed
