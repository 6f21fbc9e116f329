// Package conflict decides which write of a row wins, so that all regions end with the same rows. It is pure: no I/O, no
// clock, no goroutine, no database. Given the same calls in the same order it always does the same, which is what the
// simulation in this package leans on.
//
// One engine serves every policy:
//
//   - M is the merged state: for each row that was written lately, a register that only grows (a join: commutative, associative,
//     idempotent). T(M) is the table that M describes, a pure function of it.
//   - Only capture changes M, in the order of the local database's log. A local transaction is merged when capture passes it
//     ([Engine.Local]); another region's when capture passes the mark of the local transaction that carried it ([Engine.Own]),
//     whether it won or lost. So what M knows at a local transaction is exactly what the database had shown to it.
//   - The applier looks at M with an overlay of what it has written and not yet seen in the log ([Engine.Plan]). The overlay is
//     volatile: losing it costs a needless write, never a wrong row.
//   - Repair is one rule: if what the log says a row became is not what T(M) says, the row goes to the repair queue; if it is,
//     the row leaves it. A repair writes T(M) under a mark that covers no transaction.
//
// Why it converges under last writer wins: let m be the greatest version written to a row. No region ever skips m, for nothing
// it knows is greater, so m enters every region's log. After it no local change of that row can follow with a smaller
// version, because the clock that stamps it has passed m ([relay.State.Next]). Writes of older versions that land later in
// that log are finitely many, and each sends the row to the repair queue, which writes m again. So m is last everywhere.
//
// Under any other policy a register keeps a history ([History]): what the row's writes up to the stable cut came to, and each write above
// it. What the row shows is their fold, oldest first. Versions respect causality, so a fold meets each write after all that its author had
// seen, and what the author had seen (Deps, exact because capture gives it in log order) is all that a policy asks: no labels travel. A fold
// depends on the set of writes alone, so that it converges by itself; each policy is one step of it:
//
//   - priority: a write replaces those that its author had seen; the most important region's of the others shows.
//   - timestamp: the same, but the row with the latest time in a column of the user's choice shows.
//   - merge and counter: an insert makes the row anew; updates and deletes belong to the row that their author had seen; a delete
//     ends it. An update is replayed on what older ones have left.
//   - reject: a write counts if it was based on the last one that counts: its author had seen that, and changed just what it had left.
//   - rollback: the same for whole transactions (as far as their rows are under rollback); when an older one arrives, later ones are decided again.
//
// What lies at or below the stable cut is folded into the base: no older write can come any more. Above it every verdict is tentative.
//
// Rows that share a value of a secondary unique key: see unique.go. The table is T(M): of two such rows the one with the later version is
// shown, the other hidden and kept. Tables that are emptied by a statement: see empty.go.
//
// What may be forgotten: a register whose version every region's database shows for good (the stable cut, [Engine.Stable]). Whatever
// still comes was written by someone who had seen it, so it is newer and not in conflict with it. Of a row that has to do with no others, and that the last writer wins,
// it is enough that all regions show what the author of its last write wrote: see [Cut].
package conflict
