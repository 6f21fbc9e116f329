package main

import (
	"log/slog"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/internal/console"
)

// newConsole makes the relay's pages for people. The users are those of the SQL port.
func newConsole(cfg *config.Config, i inspector, log *slog.Logger) *console.Console {
	users := make([]console.User, len(cfg.Users))
	for i, u := range cfg.Users {
		users[i] = console.User{
			Name: u.Name, Password: string(u.Password), Roles: u.Roles,
			RequireTLS: u.RequireTLS, RequireCertificate: u.RequireCertificate,
		}
	}
	return console.New(console.Config{Inspector: i, Controller: i, Users: users, Version: version(), Logger: log})
}
