// Package console is the relay's pages for people, on listen.http:
//
//	/           who replicates from whom, lag and throughput over the last hour, problems, readers
//	/conflicts  concurrent writes of one row, both images, and why it was decided so
//	/letters    rows that the database refuses: why, and retry, skip, resolve; open circuit breakers
//	/tables     which tables are replicated, under which policy, and which are held
//	/verify     how comparisons of the regions with each other came out
//	/login      a session, for a user with role read or admin
//
// Every page but the login's asks for a session, because conflicts show rows. Actions also ask for role admin, and for the session's own
// token. The pages are made here, whole: they work without a script. With one (assets/console.js, ours) they renew themselves.
//
// Nothing is taken from elsewhere: no font, no library. The content security policy forbids it, and anything inline.
package console
