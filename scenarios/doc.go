// Package scenarios describes how Octant behaves, as text: each file *.txt here is a story of a few regions that write, are cut off, crash and
// meet again, with what must be left in the end. The same files are played unchanged in the deterministic simulation, where a seed decides
// everything that a relay may do first or last, and against real databases. docs/scenarios.md lists them all.
//
// A file begins with comments; the first one is a sentence that says what the file shows. Then each line is one step:
//
//	table NAME (COLUMN KIND, …)         a table; its primary key is id, a number. KIND is text or number, then perhaps "unique", or
//	                                    "references TABLE", with "on delete cascade" or "on delete set null"
//	rule TABLE WORDS                    its policy: lww, priority REGION…, merge, reject, rollback, timestamp COLUMN; merge and lww may end in
//	                                    "counters COLUMN…". "rule REGION: TABLE WORDS" is of one region alone, and may come later too
//	trigger TABLE into TABLE            each row that an application inserts into the first is inserted into the second too
//	REGION: insert TABLE ID COL=VALUE…  an application's transaction in a region; = alone is no value (NULL)
//	REGION: update TABLE ID COL=VALUE…  COL+=N adds; id=N moves the row to another key
//	REGION: delete TABLE [ID]           without an id all rows that stand there
//	REGION: truncate TABLE
//	REGION: fill TABLE FROM TO COL=…    inserts a row for each id
//	tx REGION … end                     several of them in one transaction, one a line, without the region in front
//	cut REGION, cut REGION REGION       no data passes between it and any other, or between the two; heal ends all that
//	kill relay REGION, kill database REGION, kill REGION
//	                                    they die at once, in the midst of what they do, and start again
//	skew REGION +1h                     its applications commit with a clock that is wrong from now on; +0s ends that
//	refuse REGION TABLE [from ID]       its database takes no row of the table from now on (there is no such table), or none with such an id or a
//	                                    larger one (there is no partition for it)
//	accept REGION TABLE                 it takes all again
//	skip REGION TABLE ID                its operator lets a dead letter go
//	resolve REGION TABLE ID WHICH       its operator decides the last conflict of the row: for the local or the remote row
//	settle                              wait until everything has arrived that can
//	expect TABLE ID COL=VALUE…          so in every region; "expect REGION: …" in one. Also, instead of values:
//	expect TABLE ID gone
//	expect TABLE count N
//	expect TABLE conflicts N            as many are on record
//	expect TABLE ID conflict KIND       exactly one is on record of the row, of that kind
//	expect TABLE letters N              as many rows are dead letters
//	expect TABLE held, expect TABLE flows
//
// A line "only PLACE…: REASON" keeps a file from other places than those that it names, of simulation, mariadb and mysql. At the end of every file all tables are identical in all
// regions; it ends whole: healed, with everything accepted. What is written later in the file is later by the clock.
package scenarios
