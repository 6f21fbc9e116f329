// Package values brings rows of one database engine into the form of another, by value: relay.Plain says what values are where no engine owns
// them, and this package says which types have which counterparts, and what of their values has none.
//
// A row is either brought over exactly or not at all. What does not fit (a number beyond the column's range, a date that the other engine does not
// have, text that its character set lacks) is refused: the row goes to the dead letters with the reason, and everything else goes on.
//
//	Refused   which types have counterparts, and what of their values is refused: docs/types.md is this table in words
//	Convert   one value
//	Target    a relay.Target that takes rows of every engine: it translates right behind the decoder, so that the conflict engine
//	          sees rows as the local database logs them
//	Agree     how regions compare rows by value, and Reader, which does so for one database
//
// Columns are matched by name. Both tables have the same columns and the same primary key, and a key must hold the same texts to be equal.
package values
