// Package ddl knows what is done to the definitions of a PostgreSQL database, and which of it can be done in other regions without harm.
//
// The log has no definitions. Event triggers, which a superuser makes with the script of Install, tell of them: for each object that a command was about they
// write what it was before and what it is now, its Picture, into the log, with pg_logical_emit_message, in the transaction of the command. So it comes in order with the
// rows, and only if that transaction commits.
//
// The commands' texts are not used. A text can hold several statements, or none that says what was done (DO, functions, scripts of extensions), and means something else
// under another search_path or role. What an object has become is the same however it was said, and the statement for the other regions is made of it, with all names in full.
//
// Anybody who can log in may write messages into the log. Those of the triggers are sealed with a secret that only they and the relay can read: nobody can have
// another region run what they may not run themselves.
package ddl
