package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/internal/config"
)

// runConflicts writes the conflicts on record at this region's relay as JSON lines, the oldest id first.
func runConflicts(ctx context.Context, args []string) error {
	cfg, err := parseWithConfig(newFlags("conflicts"), args)
	if err != nil {
		return err
	}
	conn, err := loginToRead(ctx, cfg)
	if err != nil {
		return fmt.Errorf("ask the relay at %s (listen.mysql): %w", cfg.Listen.MySQL, err)
	}
	defer conn.Close() //nolint:errcheck // nothing is left to be done
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	return exportConflicts(conn, os.Stdout)
}

// loginToRead logs in to this region's relay as one of its users that may read. On this machine its certificate says nothing.
func loginToRead(ctx context.Context, cfg *config.Config) (*client.Conn, error) {
	i := slices.IndexFunc(cfg.Users, func(u config.User) bool {
		return (slices.Contains(u.Roles, config.RoleRead) || slices.Contains(u.Roles, config.RoleAdmin)) && !u.RequireCertificate
	})
	if i < 0 {
		return nil, errors.New("it needs a [[user]] with role read")
	}
	u := cfg.Users[i]
	return client.ConnectWithDialer(ctx, "tcp", cfg.Listen.MySQL, u.Name, string(u.Password), "", (&net.Dialer{}).DialContext, func(c *client.Conn) error {
		if u.RequireTLS {
			c.SetTLSConfig(&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // see above
		}
		return nil
	})
}

// conflictPage is how many conflicts are asked for at once: the relay bounds what one statement answers.
const conflictPage = 500

func exportConflicts(conn *client.Conn, w io.Writer) error {
	out := bufio.NewWriter(w)
	last := "0"
	for {
		r, err := conn.Execute(fmt.Sprintf("SELECT * FROM octant.conflicts WHERE id > %s ORDER BY id LIMIT %d", last, conflictPage))
		if err != nil {
			return fmt.Errorf("read octant.conflicts: %w", err)
		}
		for i := range r.Values {
			line, err := conflictLine(r, i)
			if err != nil {
				return err
			}
			if _, err := out.Write(append(line, '\n')); err != nil {
				return err
			}
		}
		if len(r.Values) < conflictPage {
			return out.Flush()
		}
		if last, err = r.GetStringByName(len(r.Values)-1, "id"); err != nil {
			return err
		}
	}
}

// conflictLine makes a JSON object of a row; what is JSON stays so.
func conflictLine(r *mysql.Result, row int) ([]byte, error) {
	object := make(map[string]any, len(r.Fields))
	for column, f := range r.Fields {
		name := string(f.Name)
		switch v := r.Values[row][column]; {
		case v.Type == mysql.FieldValueTypeNull:
			object[name] = nil
		case name == "id": // larger than the numbers that every reader of JSON keeps exactly
			object[name] = fmt.Sprint(v.Value())
		case v.Type == mysql.FieldValueTypeString && isDocument(name) && json.Valid(v.AsString()):
			object[name] = json.RawMessage(v.AsString())
		case v.Type == mysql.FieldValueTypeString:
			object[name] = string(v.AsString())
		default:
			object[name] = v.Value()
		}
	}
	return json.Marshal(object)
}

func isDocument(column string) bool {
	return column == "key" || column == "local_row" || column == "remote_row"
}
