package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/octant-db/octant/internal/demo"
)

// loadPassword is the environment variable with the password of the databases' account.
const loadPassword = "OCTANT_LOAD_PASSWORD"

// runLoad writes what the demo's applications write, in databases that are there already.
func runLoad(ctx context.Context, args []string) error {
	flags := newFlags("load")
	o := demo.LoadOptions{Password: os.Getenv(loadPassword), Out: os.Stdout}
	flags.Func("at", "a region and its database, as `NAME=HOST:PORT`; once for each", func(text string) error {
		name, address, ok := strings.Cut(text, "=")
		if !ok || name == "" || address == "" {
			return errors.New("it has to be NAME=HOST:PORT")
		}
		o.At = append(o.At, demo.Place{Region: name, Address: address})
		return nil
	})
	flags.StringVar(&o.User, "user", "app", "the `account`; its password is in the environment as "+loadPassword)
	rate := flags.Float64("rate", 10, "transactions a `second` in each region")
	if err := parse(flags, args); err != nil {
		return err
	}
	if len(o.At) == 0 || *rate <= 0 || *rate > 10_000 {
		return usageError("octant load: give --at NAME=HOST:PORT for each region, and a --rate above 0")
	}
	o.Rate = *rate
	err := demo.Load(ctx, o)
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}
