package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/verify"
)

// repairFlags are what octant repair is told.
type repairFlags struct {
	newest, ask, dryRun, undo bool
	from, record              string
	user, password            string
}

// runRepair makes rows equal that a report says differ, or takes an earlier repair back.
func runRepair(ctx context.Context, args []string) error {
	flags := newFlags("repair")
	var f repairFlags
	flags.BoolVar(&f.newest, "newest", false, "the row that was written last stands, as far as the logs tell; else what most regions show")
	flags.StringVar(&f.from, "from", "", "the rows of this `region` stand")
	flags.BoolVar(&f.ask, "ask", false, "ask for each row which one stands")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show the changes, with their values, and make none")
	flags.StringVar(&f.record, "record", "", "the `file` for the changes made, for --undo; it holds values of rows")
	flags.BoolVar(&f.undo, "undo", false, "take back the changes in a file that --record wrote")
	flags.StringVar(&f.user, "user", "", "log in to all relays as this `name`, with role admin; else as the first [[user]] with it")
	flags.StringVar(&f.password, "password", "", "that user's password, as env:NAME or file:PATH; else the one that the configuration has")
	cfg, names, err := parseWithNames(flags, args)
	if err != nil {
		return err
	}
	if len(names) != 1 {
		return usageError("repair: name one report of octant verify --json, or with --undo one record of octant repair")
	}
	if err := f.check(); err != nil {
		return err
	}
	admin, err := adminOf(cfg, f.user, f.password)
	if err != nil {
		return err
	}
	members, closeAll, err := membersOf(cfg, admin)
	if err != nil {
		return err
	}
	defer closeAll()
	return f.repair(ctx, members, names[0])
}

func (f *repairFlags) check() error {
	ways := 0
	for _, set := range []bool{f.newest, f.from != "", f.ask, f.undo} {
		if set {
			ways++
		}
	}
	switch {
	case ways != 1:
		return usageError("repair: say which rows stand by one of --newest, --from REGION and --ask, or use --undo")
	case !f.dryRun && f.record == "":
		return usageError("repair: --record FILE is missing: with it the changes can be taken back; or use --dry-run")
	}
	return nil
}

// adminOf is who writes rows.
func adminOf(cfg *config.Config, name, password string) (relay.Peer, error) {
	i := slices.IndexFunc(cfg.Users, func(u config.User) bool {
		return u.Name == name || name == "" && slices.Contains(u.Roles, config.RoleAdmin)
	})
	admin := relay.Peer{User: name}
	if i >= 0 {
		admin.User, admin.Password = cfg.Users[i].Name, string(cfg.Users[i].Password)
	}
	if password != "" {
		var err error
		if admin.Password, err = config.ResolveValue(password); err != nil {
			return admin, usageError("repair: --password: " + err.Error())
		}
	}
	if admin.User == "" || admin.Password == "" {
		return admin, usageError("repair: rows are written by a user with role admin: name one with --user and --password")
	}
	return admin, nil
}

func (f *repairFlags) repair(ctx context.Context, members []verify.Member, path string) (err error) {
	p := &verify.Repairer{Members: members, DryRun: f.dryRun, Told: told, Skipped: skipped}
	switch {
	case f.newest:
		p.Choose = verify.Newest
	case f.ask:
		p.Choose = asking(os.Stdin, os.Stdout)
	default:
		p.Choose = verify.From(f.from)
	}
	if !f.dryRun {
		record, recordErr := newRecord(f.record)
		if recordErr != nil {
			return recordErr
		}
		defer func() { err = errors.Join(err, record.close()) }()
		p.Record = record.add
	}
	var o verify.Outcome
	if f.undo {
		changes, readErr := readChanges(path)
		if readErr != nil {
			return readErr
		}
		o, err = p.Undo(ctx, changes)
	} else {
		report, readErr := readReport(path)
		if readErr != nil {
			return readErr
		}
		o, err = p.Run(ctx, report)
	}
	done := "changed"
	if f.dryRun {
		done = "would be changed"
	}
	fmt.Printf("%d rows %s, %d changes failed, %d rows left as they are\n", o.Changed, done, o.Failed, o.Skipped)
	if err == nil && o.Failed+o.Skipped > 0 {
		return errReported
	}
	return err
}

func told(c verify.Change, err error) {
	_ = c.WriteText(os.Stdout)
	if err != nil {
		fmt.Fprintf(os.Stdout, "    not changed: %v\n", err)
	}
}

func skipped(table string, d *verify.Difference, why error) {
	fmt.Printf("%s %s: left as it is: %v\n", table, nameOf(d), why)
}

func nameOf(d *verify.Difference) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(d.Name)) {
		parts = append(parts, name+"="+d.Name[name])
	}
	return strings.Join(parts, " ")
}

func readReport(path string) (*verify.Report, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	var r verify.Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("read the report %s: it is not what octant verify --json writes: %w", path, err)
	}
	return &r, nil
}

// asking lets a person choose row by row.
func asking(in io.Reader, out io.Writer) verify.Choice {
	lines := bufio.NewScanner(in)
	return func(table string, d *verify.Difference) (int, error) {
		fmt.Fprintf(out, "%s %s differs in %s\n", table, nameOf(d), strings.Join(d.Columns, ", "))
		for i, row := range d.Rows {
			state := "digest " + row.Digest
			if row.Missing {
				state = "no such row"
			}
			fmt.Fprintf(out, "  %d  %-8s %s %s\n", i+1, row.Region, state, row.Version)
		}
		for {
			fmt.Fprintf(out, "which row stands? [1-%d, s to leave it] ", len(d.Rows))
			if !lines.Scan() {
				return 0, verify.ErrSkip
			}
			word := strings.TrimSpace(lines.Text())
			if n, err := strconv.Atoi(word); err == nil && n >= 1 && n <= len(d.Rows) {
				return n - 1, nil
			}
			if word == "s" {
				return 0, verify.ErrSkip
			}
		}
	}
}

// record is the file of changes, a line of JSON each.
type record struct{ file *os.File }

// newRecord makes the file, which must not be there: an older record is worth keeping.
func newRecord(path string) (*record, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the record: %w", err)
	}
	return &record{file}, nil
}

func (r *record) add(c verify.Change) error {
	line, err := json.Marshal(c)
	if err == nil {
		_, err = r.file.Write(append(line, '\n'))
	}
	if err == nil {
		err = r.file.Sync()
	}
	return err
}

func (r *record) close() error { return r.file.Close() }

func readChanges(path string) ([]verify.Change, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	defer file.Close()
	var changes []verify.Change
	for d := json.NewDecoder(file); ; {
		var c verify.Change
		switch err := d.Decode(&c); {
		case errors.Is(err, io.EOF):
			return changes, nil
		case err != nil:
			return nil, fmt.Errorf("read the record %s: it is not what octant repair --record writes: %w", path, err)
		}
		changes = append(changes, c)
	}
}
