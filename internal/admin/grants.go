package admin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// showGrants answers SHOW GRANTS for the user himself: what his roles would be called on a server.
func (c *cursor) showGrants() (statement, error) {
	if c.words("for") && !c.words("current_user") {
		return refuse("A relay shows a user's own grants: SHOW GRANTS. All users are in its configuration")
	}
	if c.sign("(") && !c.sign(")") {
		return statement{}, c.wrong()
	}
	if err := c.end(); err != nil {
		return statement{}, err
	}
	return answer(roleNone, func(call *call) *mysql.Result {
		var rows [][]any
		for _, grant := range call.grants() {
			rows = append(rows, []any{grant})
		}
		return newResult([]column{{"Grants for " + call.session.User + "@%", longColumn}}, rows...)
	})
}

func (call *call) grants() []string {
	privileges := []string{}
	add := func(role string, mariadb, mysql []string) {
		if !slices.Contains(call.session.Roles, role) {
			return
		}
		if call.e.cfg.MySQL {
			mariadb = mysql
		}
		privileges = append(privileges, mariadb...)
	}
	reading := []string{"PROCESS", "BINLOG MONITOR", "SLAVE MONITOR"}
	add("replicate", []string{"REPLICATION SLAVE"}, []string{"REPLICATION SLAVE"})
	add(roleAdmin, append(reading, "CONNECTION ADMIN", "BINLOG ADMIN", "REPLICATION SLAVE ADMIN"),
		[]string{"PROCESS", "REPLICATION CLIENT", "CONNECTION_ADMIN", "BINLOG_ADMIN", "REPLICATION_SLAVE_ADMIN"})
	if !slices.Contains(call.session.Roles, roleAdmin) {
		add(roleRead, reading, []string{"PROCESS", "REPLICATION CLIENT"})
	}
	if len(privileges) == 0 {
		privileges = []string{"USAGE"}
	}
	account := "`" + strings.ReplaceAll(call.session.User, "`", "``") + "`@`%`"
	list := []string{fmt.Sprintf("GRANT %s ON *.* TO %s", strings.Join(privileges, ", "), account)}
	if call.session.need(roleRead) == nil {
		list = append(list, fmt.Sprintf("GRANT SELECT ON `%s`.* TO %s", database, account))
	}
	return list
}
