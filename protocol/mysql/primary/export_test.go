package primary

// What the fuzz targets read as a client would send it.
var (
	Tokenize    = func(q string) (int, bool) { t, ok := tokenize(q); return len(t), ok }
	RoleFor     = roleFor
	ParseState  = parseState
	ParseDump   = func(b []byte) error { _, err := parseDump(b); return err }
	ParseRegist = func(b []byte) error { _, err := parseRegister(b); return err }
)

// ParseSet reads a SET statement and the options that follow from it.
func ParseSet(query string) (names []string, ok bool) {
	tokens, ok := tokenize(query)
	if !ok {
		return nil, false
	}
	list, _, ok := parseSet(tokens)
	v := variables{"mariadb_slave_capability": "4"}
	if !ok || v.assign(list) != nil {
		return nil, ok
	}
	_, _ = mariaDB{}.options(dumpCommand{}, v) // refusals are fine, panics are not
	_, _ = mySQL{}.options(dumpCommand{}, v)
	for _, a := range list {
		names = append(names, a.name)
	}
	return names, true
}
