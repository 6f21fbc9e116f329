package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
	"github.com/octant-db/octant/webhook"
)

// newWebhooks makes what tells others of events.
func newWebhooks(cfg *config.Config, store *relaylog.DB, log *slog.Logger) (*webhook.Sender, error) {
	c := webhook.Config{
		Cluster: cfg.Region.Cluster, Region: cfg.Region.Name, StoreID: store.StoreID(), Store: store,
		Client: &http.Client{}, Clock: relay.SystemClock{}, Jitter: rand.Float64, Logger: log.With("part", "webhook"),
	}
	for _, h := range cfg.Webhooks {
		c.Hooks = append(c.Hooks, webhook.Hook{URL: string(h.URL), Secret: string(h.Secret), Events: h.Events})
	}
	return webhook.New(c)
}

// runWebhooks sends until ctx ends. Whatever keeps it from that must not keep the relay from its work.
func runWebhooks(ctx context.Context, s *webhook.Sender, log *slog.Logger) error {
	if err := s.Run(ctx); err != nil && ctx.Err() == nil {
		log.Error("webhooks are told nothing more until the relay is started again", "error", err)
	}
	return nil
}
