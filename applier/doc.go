// Package applier brings other regions' transactions into the local database, and follows the local log to know what became of
// them. It is where the conflict engine meets the world: the engine decides, the applier reads, waits, writes and remembers.
//
//	received stream ─► origin (decode, batch) ─► engine.Plan ─► flight (one lane, one database transaction)
//	local stream ───► merger ─► engine.Local / engine.Own ─► repairer ─► flight
//	                     └────► checkpoint (version index, conflicts, place in the log) ─► relay.Store
//
// What it promises: a transaction of another region is committed exactly once, together with its mark; transactions of one origin
// are committed in their order; two transactions that touch the same row, or the same value of a unique key, never run
// side by side (except those of a transaction too large to be held: it takes no locks here, and what it meets is repaired); whatever lands in the wrong order is written again.
//
// The version index is a fold of the local stream. It is kept in memory, and what still matters is written to the Store now and then
// together with the place in the stream that it belongs to; after a crash the stream is folded again from there.
package applier
