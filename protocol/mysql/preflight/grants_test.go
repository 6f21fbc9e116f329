package preflight

import "testing"

func TestParseGrant(t *testing.T) {
	cases := []struct {
		line          string
		schema, table string
		privilege     string
	}{
		{"GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `octant`@`%` IDENTIFIED BY PASSWORD '*X'", "*", "*", "BINLOG MONITOR"},
		{"GRANT SELECT, INSERT ON `app`.* TO `octant`@`%`", "app", "*", "INSERT"},
		{"GRANT SELECT ON `a``p.p`.`t ON x` TO `octant`@`%`", "a`p.p", "t ON x", "SELECT"},
		{"GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION", "*", "*", "ALL PRIVILEGES"},
	}
	for _, c := range cases {
		g, found := parseGrant(c.line)
		if !found || g.schema != c.schema || g.table != c.table || !g.privileges[c.privilege] {
			t.Errorf("%s: got %+v, %v", c.line, g, found)
		}
	}
	for _, line := range []string{"GRANT `relay` TO `octant`@`%`", "GRANT PROXY ON ''@'%' TO 'root'@'localhost'", "", "SET DEFAULT ROLE x"} {
		if g, found := parseGrant(line); found {
			t.Errorf("%q: got %+v", line, g)
		}
	}
	if g, _ := parseGrant("GRANT SELECT (`a`, `b`), INSERT ON `app`.`t` TO `u`@`%`"); g.privileges["SELECT"] || !g.privileges["INSERT"] {
		t.Errorf("a privilege on columns is not one on the table: %+v", g)
	}
}

func TestLike(t *testing.T) {
	cases := []struct {
		pattern, name string
		want          bool
	}{
		{"app", "app", true}, {"app", "apple", false}, {"app%", "apple", true}, {"a_p", "abp", true},
		{`a\_p`, "abp", false}, {`a\_p`, "a_p", true}, {"a.p", "abp", false}, {`a\`, `a\`, true},
	}
	for _, c := range cases {
		if like(c.pattern, c.name) != c.want {
			t.Errorf("%q on %q: want %v", c.pattern, c.name, c.want)
		}
	}
}

func FuzzParseGrant(f *testing.F) {
	f.Add("GRANT SELECT ON `app`.* TO `u`@`%`", "app")
	f.Fuzz(func(t *testing.T, line, schema string) {
		if g, found := parseGrant(line); found {
			grants{g}.on("SELECT", schema, "t")
		}
	})
}
