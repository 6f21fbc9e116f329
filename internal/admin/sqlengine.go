package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/go-mysql-server/sql/analyzer"
	"github.com/dolthub/vitess/go/sqltypes"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/sirupsen/logrus"
)

// sqlEngine is go-mysql-server over our tables.
type sqlEngine struct {
	engine *sqle.Engine
	admin  *Engine
}

// newSQLEngine makes the engine. Its logger and its variables are of the whole process: nothing else uses them.
func newSQLEngine(e *Engine) (*sqlEngine, error) {
	logrus.SetOutput(io.Discard) // it logs statements
	s := &sqlEngine{admin: e}
	s.engine = sqle.New(analyzer.NewDefaultWithVersion(newProvider(e)), &sqle.Config{IsReadOnly: true})
	err := sql.SystemVariables.AssignValues(map[string]any{"secure_file_priv": os.DevNull}) // no file is in there
	if err != nil {
		return nil, fmt.Errorf("set up the SQL engine: %w", err)
	}
	return s, nil
}

// ask has the SQL engine answer a statement that was recognised as reading only.
func (e *Engine) ask(ctx context.Context, s Session, query string) (*mysql.Result, error) {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	engine, err := e.sql()
	if err != nil {
		return nil, err
	}
	return engine.query(ctx, s, query)
}

func (s *sqlEngine) query(ctx context.Context, by Session, query string) (_ *mysql.Result, err error) {
	if strings.Contains(query, "@@") {
		s.admin.defineVariables()
		s.admin.assignVariables()
	}
	session := sql.NewBaseSessionWithClientServer("octant", sql.Client{User: by.User, Address: host(by.RemoteAddr)}, by.ConnectionID)
	session.SetCurrentDatabase(database)
	c := sql.NewContext(ctx, sql.WithSession(session), sql.WithQuery(query))
	c.SetQueryTime(s.admin.cfg.Now().UTC())
	columns, rows, _, err := s.engine.Query(c, query)
	if err != nil {
		return nil, engineError(err, query)
	}
	defer func() {
		if closeErr := rows.Close(c); err == nil && closeErr != nil {
			err = engineError(closeErr, query)
		}
	}()
	return collect(c, columns, rows, query)
}

// collect makes a result of what the engine yields, as far as it is not too large.
func collect(ctx *sql.Context, columns sql.Schema, rows sql.RowIter, query string) (*mysql.Result, error) {
	set := &mysql.Resultset{}
	for _, c := range columns {
		set.Fields = append(set.Fields, engineField(c))
	}
	size := 0
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return mysql.NewResult(set), nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, engineError(err, query)
		}
		data, err := encode(ctx, columns, row)
		if err != nil {
			return nil, engineError(err, query)
		}
		set.RowDatas = append(set.RowDatas, data)
		if size += len(data) + 24; size > maxResult { // 24: the slice that holds it
			return nil, failure(mysql.ER_TOO_BIG_SELECT, "The result is larger than %d MiB; ask for less with WHERE and LIMIT", maxResult>>20)
		}
	}
}

func encode(ctx *sql.Context, columns sql.Schema, row sql.Row) (mysql.RowData, error) {
	var data []byte
	for i, v := range row {
		if v == nil {
			data = append(data, 0xfb)
			continue
		}
		if t, ok := v.(time.Time); ok && precise(columns[i]) { // the engine leaves out a fraction of zero
			data = appendCell(data, t)
			continue
		}
		cell, err := columns[i].Type.SQL(ctx, nil, v)
		if err != nil {
			return nil, err
		}
		if cell.IsNull() {
			data = append(data, 0xfb)
			continue
		}
		data = append(data, mysql.PutLengthEncodedString(cell.Raw())...)
	}
	return data, nil
}

// precise tells whether a column's times have milliseconds, as ours do.
func precise(c *sql.Column) bool {
	t, ok := c.Type.(sql.DatetimeType)
	return ok && t.Precision() == 3
}

// engineField describes a column of the engine's to the client.
func engineField(c *sql.Column) *mysql.Field {
	kind, flags := sqltypes.TypeToMySQL(c.Type.Type())
	f := &mysql.Field{
		Name: []byte(c.Name), OrgName: []byte(c.Name), Table: []byte(c.Source), OrgTable: []byte(c.Source),
		Type: uint8(kind), Flag: uint16(flags), Charset: charsetBinary, ColumnLength: 1024,
	}
	if sqltypes.IsText(c.Type.Type()) || c.Type.Type() == sqltypes.TypeJSON {
		f.Charset, f.Flag = charsetText, 0
	}
	if precise(c) {
		f.Decimal = 3
	}
	return f
}

// engineError makes the engine's error one for the client. A syntax error is the most frequent one and has no code there.
func engineError(err error, query string) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case sql.ErrSyntaxError.Is(err):
		return failure(mysql.ER_PARSE_ERROR, "You have an error in your SQL syntax: %s", strings.TrimPrefix(err.Error(), "syntax error "))
	case sql.ErrReadOnly.Is(err):
		return readOnly()
	case sql.ErrTableNotFound.Is(err):
		return failure(mysql.ER_NO_SUCH_TABLE, "%v; see SHOW TABLES FROM octant", err)
	case sql.ErrColumnNotFound.Is(err), sql.ErrTableColumnNotFound.Is(err), sql.ErrUnknownColumn.Is(err):
		return failure(mysql.ER_BAD_FIELD_ERROR, "%v", err)
	case sql.ErrAmbiguousColumnName.Is(err):
		return failure(mysql.ER_NON_UNIQ_ERROR, "%v", err)
	case sql.ErrFunctionNotFound.Is(err):
		return failure(codeNoProcedure, "%v", err)
	case sql.ErrUnknownSystemVariable.Is(err):
		return failure(mysql.ER_UNKNOWN_SYSTEM_VARIABLE, "%v", err)
	}
	known := sql.CastSQLError(err)
	if code := known.Number(); code != mysql.ER_UNKNOWN_ERROR {
		return failure(uint16(code), "%s", known.Message)
	}
	return failure(mysql.ER_UNKNOWN_ERROR, "%v", err)
}
