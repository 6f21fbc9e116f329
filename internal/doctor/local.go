package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/finding"
)

// Local checks what concerns this relay alone: its data folder, and whether others can log in to it.
func Local(cfg *config.Config) []finding.Result {
	return []finding.Result{dataDir(cfg.Region.DataDir), users(cfg)}
}

// dataDir tries to write where the relay will. It leaves nothing behind.
func dataDir(dir string) finding.Result {
	r := finding.Result{Name: "data_dir", Status: finding.OK, Detail: dir}
	where := dir
	info, err := os.Stat(where)
	for errors.Is(err, fs.ErrNotExist) && filepath.Dir(where) != where {
		where = filepath.Dir(where)
		info, err = os.Stat(where)
		r.Detail = dir + " will be made"
	}
	if err == nil && !info.IsDir() {
		err = errors.New(where + " is not a folder")
	}
	if err == nil {
		err = tryWrite(where)
	}
	if err != nil {
		r.Status, r.Detail = finding.Fail, err.Error()
		r.Remedy = "choose another region.data_dir, or let the user that runs octant write there"
	}
	return r
}

func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".octant-doctor-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func users(cfg *config.Config) finding.Result {
	r := finding.Result{Name: "users", Status: finding.OK, Detail: "the other relays can log in"}
	replicates := slices.ContainsFunc(cfg.Users, func(u config.User) bool {
		return slices.Contains(u.Roles, config.RoleReplicate)
	})
	switch {
	case len(cfg.Peers) == 0:
		r.Status, r.Detail = finding.Info, "there are no peers: this region replicates with nobody"
	case !replicates:
		r.Status, r.Detail = finding.Fail, "no [[user]] has role replicate, so no other relay can follow this one"
		r.Remedy = "add a [[user]] with roles = [\"replicate\"]"
	}
	return r
}

// Source tells whether the database is another one than the configuration's.
func Source(cfg *config.Config) []finding.Result {
	if cfg.Database.Override == "" {
		return nil
	}
	return []finding.Result{{
		Name: "source", Status: finding.Warn,
		Detail: fmt.Sprintf("%s stands in place of %s: CHANGE MASTER TO has left %s", cfg.Database.Address, cfg.Configured.Address, cfg.Database.Override),
		Remedy: "write it into [database], stop the relay, remove the file and start the relay",
	}}
}
