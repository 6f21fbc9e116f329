// Package relay holds the nouns of Octant and the daemon that runs on them alone.
//
// In each region one relay stands beside one database. It reads the database's whole log, in commit order,
// as a replica would; keeps it in a durable [Log]; publishes the transactions that were born there to the
// other regions' relays; keeps theirs; and has them applied to its own database.
//
//	local DB ──binlog / WAL──► Source ─► stamp HLC ─► Log ──► primary side ──► stock replicas
//	                                                   │           └─────────► other relays
//	                                                   ▼                           │
//	                                            conflict engine ◄── applier ◄──────┘
//	                                                                   └──► Target ─► local DB
//
// A reader who wants to know the system reads, in this order: [Version] and [Vector] (who wrote last),
// [Transaction], [Change] and [Table] (what travels), [Entry] and [Mark] (what the local log says),
// [Source], [Target], [Log] and [Feed] (the four things that the daemon talks to).
//
// Arrows point one way: engines (protocol/...), the log (relaylog), the applier and the conflict engine know this
// package; it knows only the standard library. Nothing here or above the engines asks which database it talks to.
package relay
