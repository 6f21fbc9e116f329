package simulation_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutation is one mechanism broken on purpose.
type mutation struct {
	name     string
	file     string // from the repository's root
	old, new string
	table    string // the histories are of this one, or of that chain of tables; "": of all
}

// mutations are the mechanisms that convergence rests on. With any of them broken, TestHistories, TestChains or TestFollowers must fail.
var mutations = []mutation{
	{
		"no tie-break", "relay/version.go",
		"return cmp.Compare(v.Region, w.Region)", "return 0", "",
	},
	{
		"no tombstones", "conflict/memory.go",
		"now.fresh = true\n", "now.fresh = true\n\tif r := now.register(); !r.Row.Exists() {\n\t\tr.Version.HLC = 0\n\t\tnow = keptOf(&r)\n\t}\n", "",
	},
	{
		"applied transactions do not raise the clock", "relay/stamp.go",
		"s.HLC = max(s.HLC, c.Mark.HLC)", "", "",
	},
	{
		"clock not kept above its last value", "relay/stamp.go",
		"s.HLC = max(s.HLC+1, physical(c.Physical))", "s.HLC = physical(c.Physical)", "",
	},
	{
		"no repair", "conflict/repair.go",
		"if len(p.Writes) == 0 {", "if true {", "",
	},
	{
		"inversions not seen", "conflict/capture.go",
		"e.repairs.add(k)\n\te.counters.Inversions++", "e.counters.Inversions++", "",
	},
	{
		"no exactly-once check", "conflict/plan.go",
		"for len(batch) > 0 && batch[0].Seq <= e.planned[batch[0].Origin] {\n\t\tbatch = batch[1:]\n\t}", "e.planned[batch[0].Origin] = batch[0].Seq - 1", "",
	},
	{
		"the ledger is not read after a restart", "conflict/plan.go",
		"max(applied, e.seen[origin].Seq)", "e.seen[origin].Seq", "",
	},
	{
		"losers get no mark", "conflict/capture.go",
		"if !mark.Repair() && mark.Range.To > e.seen[mark.Origin].Seq {", "if !mark.Repair() && len(landed.done) > 0 {", "",
	},
	{
		"all rows of a batch get its highest version", "conflict/capture.go",
		"if err := e.Carry(&carried[i], &landed); err != nil {", "carried[i].HLC = mark.HLC\n\t\tif err := e.Carry(&carried[i], &landed); err != nil {", "",
	},
	{
		"versions forgotten while rows wait for repair", "conflict/frontier.go",
		"return pending || pinned || e.repairs.has(k) || e.keep", "return pending || pinned || e.keep", "",
	},
	{
		"the frontier counts what was planned, not what was captured", "conflict/frontier.go",
		"p.waiting[0].Last <= e.seen[r].Seq", "true", "",
	},
	{
		"rows that nobody asked for are left standing", "conflict/capture.go",
		"right, err := e.after(c, landed)", "right, err := Register{Row: c.After}, error(nil)", "",
	},
	{
		"repairs are numbered anew after a restart", "conflict/engine.go",
		"nonce:   nonce,", "nonce:   nonce & 1,", "",
	},
	{
		"rows that changed are not saved ahead of newer registers", "conflict/engine.go",
		"s.Repairs = sorted(slices.Concat(s.Repairs, next.Repairs))", "", "",
	},
	{
		"what was owed before a crash is struck off by older entries of the log", "conflict/repair.go",
		"owed && e.lsn <= e.again", "owed && false", "",
	},
	{
		"a row counts as missing while it may be on its way", "conflict/noted.go",
		"&& hlc > e.seen[r].HLC", "&& hlc < 0", "",
	},
	{
		"registers forgotten at the frontier", "conflict/frontier.go",
		"e.floor = max(e.floor, e.Stable())", "e.floor = max(e.floor, e.Frontier())", "",
	},
	{
		"rows are forgotten when one region shows them", "conflict/frontier.go",
		"least = min(least, e.peers[r].announced.Get(author))", "least = e.peers[r].announced.Get(author)", "",
	},
	{
		"rows are forgotten while the log is merged again", "conflict/frontier.go",
		"if e.lsn < e.again {", "if false {", "",
	},
	{
		"priority: a write replaces also what its author had not seen", "conflict/step.go",
		"return ev.saw(w.Version)", "return true", "",
	},
	{
		"priority: a write replaces nothing", "conflict/step.go",
		"return ev.saw(w.Version)", "return false", "",
	},
	{
		"merge: updates and deletes of an earlier row count for the newest", "conflict/step.go",
		"case !ev.saw(s.Created):", "case false:", "",
	},
	{
		"merge: what a transaction left is taken for what it changed", "conflict/step.go",
		"if s.Known {\n\t\tvar err", "if false {\n\t\tvar err", "",
	},
	{
		"what stood under a row is not learned", "conflict/certify.go",
		"if !h.Base.Known && e.lsn >= h.Born {", "if false {", "",
	},
	{
		"reject: the last write alone is judged", "conflict/history.go",
		"for i, ev := range h.Events {\n\t\tif rejected", "for i, ev := range h.Events {\n\t\tif i < len(h.Events)-1 {\n\t\t\tcontinue\n\t\t}\n\t\tif rejected", "",
	},
	{
		"reject: a write is held against rejected ones", "conflict/history.go",
		"if ev := h.Events[i]; !ev.Rejected {", "if ev := h.Events[i]; true {", "",
	},
	{
		"rollback: later transactions are not looked at again", "conflict/certify.go",
		"if i, found := slices.BinarySearchFunc(open, l, relay.Version.Compare); !found {", "if i, found := slices.BinarySearchFunc(open, l, relay.Version.Compare); !found && false {", "",
	},
	{
		"rollback: each row for itself", "conflict/certify.go",
		"if !slices.Contains(unit.reg.Unit, k) {", "unit.reg.Unit = nil\n\tif true {", "",
	},
	{
		"rollback: writes are folded that come again after a crash", "conflict/certify.go",
		"if rule.Policy == Rollback {\n\t\treturn e.settled", "if false {\n\t\treturn e.settled", "",
	},
	{
		"rollback: rows are forgotten that come again after a crash", "conflict/frontier.go",
		"|| e.unsettled(k)", "", "",
	},
	{
		"reject: what a write was made from does not matter", "conflict/history.go",
		"return ev.saw(stood.Version) && ", "return ev.saw(stood.Version) || ", "",
	},
	{
		"counters: parked rows do not keep the stable cut back", "conflict/frontier.go",
		"if e.repairs.len()+e.repairs.backs > 0 {", "if e.repairs.len() > 0 {", "",
	},
	{
		"hidden rows are not held", "conflict/frontier.go",
		"return pending || pinned || e.repairs.has(k)", "_ = pinned\n\treturn pending || e.repairs.has(k)", "",
	},
	{
		"hidden rows are not put back", "conflict/unique.go",
		"if len(from.Unique) == 0 && len(to.Unique) == 0 {", "if true {", "",
	},
	{
		"a hidden row keeps others hidden", "conflict/unique.go",
		"gives, err := v.hidden(r, other, memo)", "gives, err := false, error(nil)", "",
	},
	{
		"rows that are parked are forgotten", "conflict/repair.go",
		"return waits || parked", "_ = parked\n\treturn waits", "",
	},
	{
		"a missing table: what is known of it under its rows' own keys is forgotten", "conflict/frontier.go",
		" || e.keep != nil && e.keep(k)", "", "",
	},
	{
		"a missing table: rows that are named are not written", "conflict/rename.go",
		"e.repairs.add(k)", "_ = k", "",
	},
	{
		"what was left out is not owed", "conflict/capture.go",
		"for _, k := range sorted(landed.Open()) {\n\t\te.repairs.add(k)\n\t}", "", "",
	},
	{
		"the older row keeps its unique value", "conflict/unique.go",
		"return c > 0", "return c < 0", "",
	},
	{
		"an emptied table: rows that were not seen are not written again", "conflict/empty.go",
		"again(k)\n\t\treturn nil", "return nil", "",
	},
	{
		"an emptied table: all rows are gone", "conflict/empty.go",
		"if !authorSaw(t.Version(), t.Deps, reg.Version) {", "if false {", "",
	},
	{
		"an emptied table: what was seen stays known as standing", "conflict/empty.go",
		"reg.Row = reg.Row.Deleted()", "", "",
	},
	{
		"an emptied table: rows get the statement's version", "conflict/empty.go",
		"reg.Row = reg.Row.Deleted()", "reg.Row, reg.Version, reg.Shown = reg.Row.Deleted(), t.Version(), t.Version()", "",
	},
	{
		"a deleted parent: what is known of its children stays", "conflict/kin.go",
		"case !authorSaw(t.Version(), t.Deps, reg.Version):", "case true:", "",
	},
	{
		"a deleted parent: children go whose last write was not seen", "conflict/kin.go",
		"case !authorSaw(t.Version(), t.Deps, reg.Version):", "case false:", "",
	},
	{
		"a deleted parent: children that come late stay", "conflict/kin.go",
		"if !slices.ContainsFunc(ends, func(d End) bool { return d.saw(reg.Version) }) {", "if len(ends) >= 0 {", "",
	},
	{
		"a deleted parent: children that come late go, seen or not", "conflict/kin.go",
		"if !slices.ContainsFunc(ends, func(d End) bool { return d.saw(reg.Version) }) {", "if len(ends) == 0 {", "",
	},
	{
		"a deleted parent: children that come after it in its transaction go", "conflict/kin.go",
		"return v != d.Version && authorSaw(", "return authorSaw(", "",
	},
	{
		"a deleted parent: children that are forgotten stay", "conflict/kin.go",
		"if row.known || v.engine.rule(f.Key).Policy != LWW {", "if true {", "",
	},
	{
		"a deleted parent: children that are forgotten are taken for moved out of the way", "conflict/kin.go",
		"_, ended := landed.ends[parent]; !ended ||", "_, ended := landed.ends[parent]; true || !ended ||", "",
	},
	{
		"a deleted parent: children get the deletion's version", "conflict/kin.go",
		"if f.Via != \"\" || len(reg.Fates) > 0 || v.engine.divided(reg.written()) {", "reg.Version, reg.Shown = f.Version, f.Version\n\tif f.Via != \"\" || len(reg.Fates) > 0 || v.engine.divided(reg.written()) {", "",
	},
	{
		"a divided child: what it met first counts", "conflict/fate.go",
		"reg.Wrote = reg.written()", "reg.Wrote, reg.Fates = reg.Row, nil", "",
	},
	{
		"a divided child: all that ends its parent counts, whatever its author had found", "conflict/fate.go",
		"if found.Exists() && slices.Contains(found.Parents, f.Parent) {", "if found.Image != nil {", "",
	},
	{
		"a divided child is not found by the parent that it was written with", "conflict/event.go",
		"return append(append(slices.Clip(r.Row.Claims()), r.Wrote.Parents...), r.steps()...)", "return r.Row.Claims()", "",
	},
	{
		"a divided child: of two ends in one transaction the order does not count", "conflict/fate.go",
		"d.Version == f.Version && compareEnds(d, f) < 0", "false", "",
	},
	{
		"a divided child that is forgotten is taken for moved out of the way", "conflict/kin.go",
		"return e.meet(c.Key, reg, fates...)", "_ = fates\n\t\treturn reg, nil", "",
	},
	{
		"a divided child that comes late stays", "conflict/fate.go",
		"if d.saw(reg.Version) {", "if false {", "",
	},
	{
		"a region that alone may have kept children does not say so", "conflict/fate.go",
		"\t\t\te.torn(f.Parent)\n", "", "",
	},
	{
		"a parent that is given another key is no event for its children", "conflict/kin.go",
		"return c.leaves()", "return nil", "",
	},
	{
		name: "a chain: what a deletion took depends on the newest write alone", file: "conflict/chain.go", table: "toy",
		old: "if d.sawLink(&links[i]) {", new: "if true {",
	},
	{
		name: "a chain: what a transaction wrote after a deletion was there before", file: "conflict/chain.go", table: "toy",
		old: "return l.Place <= d.Place", new: "return true",
	},
	{
		name: "a chain: what goes with its parent does not take its children", file: "conflict/chain_taken.go", table: "toy",
		old: "\treturn v.handDown(k, &reg)", new: "\treturn nil",
	},
	{
		name: "a chain: a row that had gone is taken again", file: "conflict/chain_taken.go", table: "toy",
		old: "func(g Fate) bool { return f.found(&g) && g.sawLink(l) }", new: "func(g Fate) bool { return false }",
	},
	{
		name: "a chain: what turns out not to have gone is not put back", file: "conflict/chain_children.go", table: "toy",
		old: "return d.Via == k })", new: "return d.Via == k && len(ends) > 0 })",
	},
	{
		name: "a chain: a child that comes late stays", file: "conflict/kin.go", table: "toy",
		old: "\tif chained || v.engine.divided(reg.Row) {", new: "\tif _ = chained; v.engine.divided(reg.Row) {",
	},
	{
		name: "a chain: what ended before rows were forgotten ends these", file: "conflict/chain_taken.go", table: "toy",
		old: "if l != nil && l.Version.IsZero() && d.Version.HLC <= v.engine.past() {", new: "if false {",
	},
	{
		name: "a chain: what was forgotten goes with an end that had not seen it", file: "conflict/chain_children.go", table: "toy",
		old: "if !v.sawForgotten(&d) {", new: "if false {",
	},
	{
		name: "a chain: a row is forgotten although it stood elsewhere for an author", file: "conflict/chain_taken.go", table: "toy",
		old: "reg.Until = max(reg.Until, d.Version.HLC)", new: "",
	},
	{
		name: "a chain: what an end did is found out again when it is forgotten", file: "conflict/chain_taken.go", table: "toy",
		old: "f.Version.HLC <= v.engine.past() && !slices.ContainsFunc(reg.Fates, f.is)", new: "false",
	},
	{
		name: "a chain: what an end did to children is found out again when it is forgotten", file: "conflict/chain_children.go", table: "toy",
		old: "f.Version.HLC <= v.engine.past() && !slices.ContainsFunc(fates, f.is)", new: "false",
	},
	{
		name: "a chain: what stood there before is not learned from the log", file: "conflict/capture.go", table: "toy",
		old: "err = e.rebase(c, reg, landed)", new: "_ = reg",
	},
	{
		name: "a chain: what did not change is not learned from that", file: "conflict/chain_here.go", table: "toy",
		old: "if !known || !reg.Row.Exists() || len(reg.Past) == 0", new: "if true || !known || !reg.Row.Exists() || len(reg.Past) == 0",
	},
	{
		name: "a chain: what the database took by mistake is not put back", file: "conflict/chain_doubt.go", table: "toy",
		old: "if e.repairs.len() == 0 {", new: "if true {",
	},
	{
		name: "a chain: what is put below a row that is being deleted keeps its children", file: "conflict/chain_below.go", table: "toy",
		old: "if slices.Contains(ending, parent) {", new: "if false {",
	},
	{
		name: "a chain: what stood below a row that was elsewhere is not looked for", file: "conflict/chain_below.go", table: "toy",
		old: "rows = append(rows, l.Row)", new: "_ = l",
	},
	{
		name: "a chain: a region that alone may have kept rows does not say so", file: "conflict/chain_doubt.go", table: "toy",
		old: "\t\t\te.broken(f.Parent)\n", new: "\t\t\t_ = f\n",
	},
	{
		name: "a chain: after a crash children keep what is taken back", file: "conflict/chain_children.go", table: "toy",
		old: "} else if !doubted {", new: "} else {",
	},
	{
		name: "a chain: who found nothing tells more than who found a row", file: "conflict/chain_links.go", table: "toy",
		old: "|| !found.Row.Exists() || found.Row.Partial {", new: "|| !base && !found.Row.Exists() || found.Row.Partial {",
	},
	{
		name: "a chain: what an author found stands for what was there before what he had seen", file: "conflict/chain_links.go", table: "toy",
		old: "if list[0].finds(&l) {", new: "if false {",
	},
	{
		name: "a chain: what is taken back is not put back where it was forgotten", file: "conflict/kin.go", table: "toy",
		old: "if e.divided(c.Before) || landed.chained(c.Before) {", new: "if e.divided(c.Before) {",
	},
	{
		name: "a chain: all writes of a row are kept", file: "conflict/chain_links.go", table: "toy",
		old: "if len(links) <= maxLinks {", new: "if true {",
	},
	{
		name: "a chain: of many writes of a row the oldest are not kept", file: "conflict/chain_links.go", table: "toy",
		old: "before.Version.IsZero() || !before.ties(&links[i])", new: "before == nil",
	},
	{
		name: "followers: a change of key is no event for those that follow", file: "conflict/kin.go", table: "mate",
		old: "names = append(names, c.Rekeyed[i].From)", new: "_ = i",
	},
	{
		name: "followers: what is known of them stays", file: "conflict/kin.go", table: "mate",
		old: "err = v.send(k, reg, &d)", new: "_ = reg",
	},
	{
		name: "followers: those that are forgotten stay", file: "conflict/kin.go", table: "mate",
		old: "err = v.send(f.Key, reg, &end.End)", new: "_ = reg",
	},
	{
		name: "followers: those that are forgotten are taken for moved out of the way", file: "conflict/kin.go", table: "mate",
		old: "return e.followed(c.Key, reg, landed)", new: "return reg, nil",
	},
	{
		name: "followers: one that comes late stays", file: "conflict/kin.go", table: "mate",
		old: "return v.trace(k, reg)", new: "return reg, nil",
	},
	{
		name: "followers: what was written behind a change follows it", file: "conflict/follow.go", table: "mate",
		old: "return !r.knew(d)", new: "return true",
	},
	{
		name: "followers: what the author of a change had not seen stays", file: "conflict/follow.go", table: "mate",
		old: "return !r.knew(d)", new: "return d.saw(r.Version)",
	},
	{
		name: "followers: what a transaction wrote behind a change follows it", file: "conflict/follow.go", table: "mate",
		old: "return r.Place > d.Place", new: "return false",
	},
	{
		name: "followers: a deletion takes what its author had not seen", file: "conflict/follow.go", table: "mate",
		old: "return d.sawLink(&Link{Version: r.Version, Place: r.Place})", new: "return true",
	},
	{
		name: "followers: all changes count, wherever the row stood for their authors", file: "conflict/fate.go", table: "mate",
		old: "if found.Exists() && slices.Contains(found.Parents, f.Parent) {", new: "if found.Image != nil {",
	},
	{
		name: "followers: of a transaction's changes the order does not count", file: "conflict/follow.go", table: "mate",
		old: ", cmp.Compare(a.Place, b.Place))", new: ", cmp.Compare(b.Place, a.Place))",
	},
	{
		name: "followers: of a transaction's changes of one key the last alone is kept", file: "conflict/kin.go", table: "mate",
		old: "(now == nil || old.Place == d.Place)", new: "true",
	},
	{
		name: "followers: a later change takes back what a deletion took", file: "conflict/fate.go", table: "mate",
		old: "if f.Follows() == takes {", new: "if takes {",
	},
	{
		name: "followers: a row is not found where it has followed to", file: "conflict/event.go", table: "mate",
		old: "if to := r.Fates[i].Now.To; to != \"\" {", new: "if to := r.Fates[i].Now.To; false && to != \"\" {",
	},
	{
		name: "followers: a deletion does not find what has gone on from there", file: "conflict/kin.go", table: "mate",
		old: "heir != \"\" && heir != parent {", new: "false && heir != parent {",
	},
	{
		name: "followers: what was found is sent again by what had come before", file: "conflict/follow.go", table: "mate",
		old: "shows := first && reg", new: "shows := false && reg",
	},
	{
		name: "followers: what came back in one mark has not met that", file: "conflict/round.go", table: "mate",
		old: "if at != name {", new: "if true {",
	},
	{
		name: "followers: a region that has sent children elsewhere does not say so", file: "conflict/follow.go", table: "mate",
		old: "(e.crossed(from.Ends, t) || e.crossed(to, t))", new: "(len(from.Ends) < 0 || e.crossed(to, t))",
	},
	{
		name: "followers: a region that has sent children there does not say so", file: "conflict/follow.go", table: "mate",
		old: "(e.crossed(from.Ends, t) || e.crossed(to, t))", new: "(e.crossed(from.Ends, t) || len(to) < 0)",
	},
	{
		name: "followers: ends are forgotten that concern a row still", file: "conflict/follow.go", table: "mate",
		old: "if f.Parent == parent {", new: "if false && f.Parent == parent {",
	},
	{
		"a newcomer does not do what its donor's foreign keys did", "conflict/simulation/join.go",
		"d.cascade(&change)", "_ = d", "",
	},
	{
		"rows that were moved out of the way are taken for deleted", "conflict/capture.go",
		"if !known {\n\t\terr = e.uncoverAfter(c, landed)", "if !known {\n\t\terr = e.index.Put(c.Key, Register{Row: c.After})", "",
	},
	{
		"a newcomer does not know what its donor had written", "conflict/move.go",
		"s.Seen[donor] = last", "_ = last", "",
	},
	{
		"what the donor's table was owed is not owed to the newcomer's", "conflict/move.go",
		"s.Seen = slices.Clone(s.Seen)", "s.Seen, s.Repairs = slices.Clone(s.Seen), nil", "",
	},
	{
		"a newcomer's clock begins behind its donor's", "conflict/move.go",
		"s.Seen = slices.Clone(s.Seen)", "s.Seen, s.Clock = slices.Clone(s.Seen), 0", "",
	},
	{
		"a newcomer does not do again what was written while it copied", "conflict/simulation/join.go",
		"j.done++", "j.done = max(j.until, j.donor.merged)", "",
	},
	{
		"survivors do not give each other what they have of a lost region", "conflict/simulation/lose.go",
		"case own < longest:", "case false:", "",
	},
	{
		"nobody waits for a lost region's last transactions", "relay/eviction.go",
		"level = level && s != nil && s.Level", "level = s == nil || s != nil", "",
	},
	{
		"a loser is on record with each write that it loses to", "conflict/noted.go",
		"name := string(c.Key) + \" \" + c.Loser().String()", "name := string(c.Key) + \" \" + c.Loser().String() + c.Here.Version.String() + c.There.Version.String()", "",
	},
	{
		"a write that was made from another one is on record against it", "conflict/noted.go",
		" || t.Deps.Saw(here.Version) || ", " || ", "",
	},
	{
		"a write that comes late is on record against one that was made from it", "conflict/noted.go",
		" || here.Deps.Saw(t.Version()) {", " {", "",
	},
	{
		"priority: what comes is on record against the last write, not against the one that is shown", "conflict/noted.go",
		"case policy.open() && after.History != nil:", "case false:", "",
	},
	{
		"priority: a write that is shown again stays on record as a loser", "conflict/noted.go",
		"e.notice(Conflict{Key: c.Key, Policy: e.rule(c.Key).Policy, There:", "_ = (Conflict{Key: c.Key, Policy: e.rule(c.Key).Policy, There:", "",
	},
	{
		"reject: a write that counts after all stays on record as a loser", "conflict/noted.go",
		"if ev.Rejected == was {", "if ev.Rejected == was || was {", "",
	},
	{
		"what is on record is saved after the rows that it is about", "conflict/simulation/region.go",
		"	r.record.save()\n	next :=", "	defer func() {\n		if !torn {\n			r.record.save()\n		}\n	}()\n	next :=", "",
	},
	{
		"what was planned is taken for what the table is to show", "conflict/intent.go",
		"taken || met.row().Same(c.After)", "true", "",
	},
	{
		"rows are forgotten at once that others do not show", "conflict/intent.go",
		"return e.shownBeside(origin)", "return 1 << 62", "",
	},
	{
		"rows are forgotten at once of which something is known", "conflict/intent.go",
		"if known != nil || err != nil {", "if known != nil && false || err != nil {", "",
	},
	{
		"rows that were written besides are taken for planned", "conflict/intent.go",
		" && len(p.Writes) == p.straight", "", "",
	},
	{
		"of a transaction that did what was planned only the first row is merged", "conflict/intent.go",
		"n++\n", "n++\n\t\t\tif j > 0 {\n\t\t\t\tcontinue\n\t\t\t}\n", "",
	},
	{
		"of a row that a plan changes more than once only the first change is merged", "conflict/intent.go",
		"n++\n", "n++\n\t\t\tif n > 1 && p.places != nil && slices.Contains(p.places[:n-1], place) {\n\t\t\t\tcontinue\n\t\t\t}\n", "",
	},
	{
		"a plain write replaces a newer one", "conflict/memory.go",
		"old.version.After(w.version)", "false", "",
	},
	{
		"nobody keeps what a newcomer has not seen", "conflict/simulation/join.go",
		"r.engine.Meet(j.id)", "_ = r", "",
	},
}

// TestMutationsMatchTheCode tells in no time that a mechanism was moved and its mutation was not.
func TestMutationsMatchTheCode(t *testing.T) {
	for _, m := range mutations {
		m.source(t)
	}
}

// TestMutations breaks one mechanism at a time and runs the histories over the broken code.
func TestMutations(t *testing.T) {
	program := weave(t)
	if out, err := playMutant(program, -1, "-histories=50"); err != nil {
		t.Fatalf("the program is broken without a mutant: %v\n%s", err, out)
	}
	for i, m := range mutations {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) { m.mustFail(t, program, i+1) })
	}
}

// source is the path and the text of the file that m breaks. The text to break is in it exactly once.
func (m mutation) source(t *testing.T) (path, text string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../..", m.file))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%s: %s holds the text to break %d times, want once", m.name, m.file, n)
	}
	return path, string(source)
}

// playMutant runs the histories of a program with one of its mutants, the directed ones first.
func playMutant(program string, mutant int, args ...string) (string, error) {
	cmd := exec.Command(program, append([]string{"-test.run=^(TestChains|TestFollowers|TestHistories)$", "-test.failfast"}, args...)...)
	cmd.Env = append(os.Environ(), fmt.Sprint("OCTANT_MUTANT=", mutant))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (m mutation) mustFail(t *testing.T, program string, number int) {
	t.Helper()
	out, err := playMutant(program, number, "-table="+m.table)
	switch {
	case err == nil:
		t.Fatalf("all histories converge although %s: the simulation does not test it", m.name)
	case !strings.Contains(out, "seed ") && !strings.Contains(out, "panic: ") && !strings.Contains(out, "--- FAIL: TestChains") && !strings.Contains(out, "--- FAIL: TestFollowers"):
		t.Fatalf("run the mutant: %v\n%s", err, out)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(out, "--- FAIL: ")), "(replay")
	t.Logf("caught: %s", strings.Join(strings.Fields(first), " "))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
