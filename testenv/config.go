package testenv

import (
	"fmt"
	"os"

	"github.com/BurntSushi/toml"
)

// RelayConfig is the configuration file of one relay, as the design's section 6 defines it.
type RelayConfig struct {
	Region   RegionConfig   `toml:"region"`
	Database DatabaseConfig `toml:"database"`
	Listen   ListenConfig   `toml:"listen"`
	Users    []UserConfig   `toml:"user"`
	Peers    []PeerConfig   `toml:"peer"`
	Rules    []RuleConfig   `toml:"rule,omitempty"`
	// Extra holds whole tables that have no field here, by name.
	Extra map[string]any `toml:"-"`
}

// RegionConfig names the relay's region.
type RegionConfig struct {
	Cluster string `toml:"cluster"`
	Name    string `toml:"name"`
	ID      int    `toml:"id"`
	DataDir string `toml:"data_dir"`
	LogKey  string `toml:"log_key,omitempty"`
}

// DatabaseConfig is the local database and the tables to replicate.
type DatabaseConfig struct {
	URL      string   `toml:"url"`
	Password string   `toml:"password"`
	Include  []string `toml:"include,omitempty"`
	Exclude  []string `toml:"exclude,omitempty"`
	DDL      string   `toml:"ddl,omitempty"`
	SemiSync bool     `toml:"semi_sync,omitempty"`
}

// ListenConfig holds the two addresses that a relay serves.
type ListenConfig struct {
	MySQL string `toml:"mysql"`
	HTTP  string `toml:"http"`
	// TLSCert and TLSKey are PEM files; without them the relay makes a certificate for itself.
	TLSCert string `toml:"tls_cert,omitempty"`
	TLSKey  string `toml:"tls_key,omitempty"`
	// TLSClientCA is the PEM file of the authorities whose client certificates are believed.
	TLSClientCA string `toml:"tls_client_ca,omitempty"`
}

// UserConfig is someone who may connect to the relay; roles are replicate, read and admin.
type UserConfig struct {
	Name     string   `toml:"name"`
	Password string   `toml:"password"`
	Roles    []string `toml:"roles"`
	// Auth is the plugin, such as mysql_native_password; empty is the relay's choice.
	Auth       string `toml:"auth,omitempty"`
	RequireTLS bool   `toml:"require_tls,omitempty"`
	// RequireCertificate demands a client certificate, of CertificateName if that is given.
	RequireCertificate bool   `toml:"require_certificate,omitempty"`
	CertificateName    string `toml:"certificate_name,omitempty"`
}

// PeerConfig is another region's relay.
type PeerConfig struct {
	Region   string `toml:"region"`
	Address  string `toml:"address"`
	User     string `toml:"user"`
	Password string `toml:"password"`
}

// RuleConfig gives tables a conflict policy.
type RuleConfig struct {
	Tables []string `toml:"tables"`
	Policy string   `toml:"policy"`

	Regions   []string `toml:"regions,omitempty"`
	Counters  []string `toml:"counters,omitempty"`
	Timestamp string   `toml:"timestamp,omitempty"`
}

// writeFile writes the configuration where only its owner can read it, for it holds passwords.
func (c RelayConfig) writeFile(path string) error {
	text, err := toml.Marshal(c)
	if err != nil {
		return fmt.Errorf("write relay configuration: %w", err)
	}
	if len(c.Extra) > 0 {
		extra, err := toml.Marshal(c.Extra)
		if err != nil {
			return fmt.Errorf("write relay configuration: %w", err)
		}
		text = append(append(text, '\n'), extra...)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write relay configuration: %w", err)
	}
	return nil
}
