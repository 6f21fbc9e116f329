package admin

import (
	"strconv"

	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/go-mysql-server/sql/types"
)

// defineVariables makes those of our variables known to the SQL engine that it has never heard of.
func (e *Engine) defineVariables() {
	var unknown []sql.SystemVariable
	for _, v := range e.variables() {
		if _, _, ok := sql.SystemVariables.GetGlobal(v.name); !ok {
			unknown = append(unknown, &sql.MysqlSystemVariable{
				Name: v.name, Scope: sql.GetMysqlScope(sql.SystemVariableScope_Both), Type: types.NewSystemStringType(v.name), Default: v.value,
			})
		}
	}
	sql.SystemVariables.AddSystemVariables(unknown)
}

// assignVariables gives the SQL engine our variables' values of this moment, so that @@name is the same in every statement. The engine's
// idea of a variable's type counts: what it cannot take stays as it is.
func (e *Engine) assignVariables() {
	for _, v := range e.variables() {
		value := any(v.value)
		if defined, _, ok := sql.SystemVariables.GetGlobal(v.name); ok && !types.IsTextOnly(defined.GetType()) {
			if n, err := strconv.ParseInt(v.value, 10, 64); err == nil {
				value = n
			}
		}
		if err := sql.SystemVariables.AssignValues(map[string]any{v.name: value}); err != nil {
			e.cfg.Logger.Debug("set a variable of the SQL engine", "name", v.name, "error", err)
		}
	}
}
