package ddl

// alterTable takes ALTER TABLE name spec, spec …, if each is of a kind that can be run anywhere.
func (p *parser) alterTable() string {
	p.skip("ONLINE", "IGNORE")
	if !p.word("TABLE") {
		return noKind
	}
	p.skip("IF", "EXISTS")
	on := p.about(p.name(p.schema))
	for !p.end() {
		if reason := p.specification(on); reason != "" {
			return reason
		}
		if !p.word(",") && !p.end() {
			return noKind
		}
	}
	return ""
}

func (p *parser) specification(on Name) string {
	switch first := p.Next(); first.Upper() {
	case "ADD":
		return p.add(on)
	case "DROP":
		return p.drop(on)
	case "ALGORITHM", "LOCK", "COMMENT", "AUTO_INCREMENT", "ENGINE", "STATS_PERSISTENT", "STATS_AUTO_RECALC", "STATS_SAMPLE_PAGES", "ROW_FORMAT":
		// how it is done, and what each region has for itself
		p.word("=")
		p.Next()
		return ""
	case "FORCE", "NOWAIT":
		return ""
	case "MODIFY", "CHANGE":
		return p.modify(on, first.Upper() == "CHANGE")
	case "ALTER":
		return changesColumn
	case "RENAME":
		return "rows that other regions write meanwhile have the former name: stop writing to the table first"
	}
	return noKind
}

func (p *parser) add(on Name) string {
	switch next := p.peek(); {
	case next.Quoted:
	case next.Upper() == "UNIQUE":
		return uniqueIndex
	case next.Upper() == "INDEX", next.Upper() == "KEY", next.Upper() == "FULLTEXT", next.Upper() == "SPATIAL":
		p.Next()
		p.skip("INDEX", "KEY")
		return p.addIndex(on)
	case next.Upper() == "PRIMARY", next.Upper() == "CONSTRAINT", next.Upper() == "FOREIGN", next.Upper() == "CHECK", next.Upper() == "PARTITION",
		next.Upper() == "PERIOD", next.Upper() == "SYSTEM":
		return "it adds a condition that rows of other regions may not meet, or a key"
	}
	p.skip("COLUMN")
	p.skip("IF", "NOT", "EXISTS")
	if p.peek().Text == "(" && !p.peek().Quoted {
		return "it adds columns in parentheses: write ADD COLUMN for each"
	}
	name := p.Next().Text
	if reason := p.column(); reason != "" {
		return "column " + name + ": " + reason
	}
	p.effect(ColumnStands, on, name)
	return ""
}

func (p *parser) addIndex(on Name) string {
	p.skip("IF", "NOT", "EXISTS")
	if next := p.peek(); !next.Quoted && (next.Text == "(" || next.Upper() == "USING") {
		return "the index has no name: give it one"
	}
	p.effect(IndexStands, on, p.Next().Text)
	p.option()
	return ""
}

func (p *parser) drop(on Name) string {
	if !p.word("INDEX") && !p.word("KEY") {
		return "it takes something away that rows of other regions may still have"
	}
	p.skip("IF", "EXISTS")
	p.effect(IndexGone, on, p.Next().Text)
	return ""
}

// option steps over everything up to the next comma outside of parentheses.
func (p *parser) option() {
	for depth := 0; !p.end(); {
		next := p.peek()
		if depth == 0 && next.Text == "," && !next.Quoted {
			return
		}
		depth = nested(depth, p.Next())
	}
}

func nested(depth int, w Word) int {
	switch {
	case w.Quoted:
	case w.Text == "(":
		return depth + 1
	case w.Text == ")":
		return depth - 1
	}
	return depth
}
