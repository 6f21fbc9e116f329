package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/octant-db/octant/internal/durable"
)

// PeersFile is the file in the data folder in which octant.add_peer and octant.remove_peer leave what they have changed.
const PeersFile = "peers.toml"

// peersFile is what stands in it. It holds no password: an added peer has the login of another one.
type peersFile struct {
	Removed []string    `toml:"removed,omitempty"`
	Added   []addedPeer `toml:"peer,omitempty"`
}

// origin is what a configuration was made of. It is behind a pointer, which is all that printing a Config shows of it.
type origin struct {
	file  *file
	peers []Peer // without what the peers file says
}

type addedPeer struct {
	Region  string `toml:"region"`
	Address string `toml:"address"`
	LoginOf string `toml:"login_of"` // a [[peer]] of the configuration
}

const peersHead = `# Written by CALL octant.add_peer and octant.remove_peer. It stands over the [[peer]]s of the configuration. Write the
# same there and remove this file, or remove it to go back, while the relay does not run.
`

func (c *Config) peersPath() string { return filepath.Join(c.Region.DataDir, PeersFile) }

// overridePeers takes up what is in the peers file.
func (c *Config) overridePeers() error {
	c.origin.peers = c.Peers
	f, err := c.readPeers()
	if err != nil {
		return err
	}
	peers, problems := c.merged(f)
	if len(problems) > 0 {
		return &Error{Path: c.peersPath(), Problems: problems}
	}
	c.Peers = peers
	return nil
}

func (c *Config) readPeers() (f peersFile, err error) {
	path := c.peersPath()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, &Error{Path: path, Problems: []string{readProblem(err)}}
	}
	if _, err := toml.Decode(string(text), &f); err != nil {
		return f, &Error{Path: path, Problems: []string{tomlProblem(err)}}
	}
	return f, nil
}

// merged puts changes on top of the configured peers, or says all that is wrong with that.
func (c *Config) merged(f peersFile) ([]Peer, []string) {
	named := func(name string) func(Peer) bool { return func(p Peer) bool { return p.Region == name } }
	peers := slices.DeleteFunc(slices.Clone(c.origin.peers), func(p Peer) bool {
		return slices.Contains(f.Removed, p.Region) || slices.ContainsFunc(f.Added, func(a addedPeer) bool { return a.Region == p.Region })
	})
	check := &checker{}
	for _, a := range f.Added {
		login := slices.IndexFunc(c.origin.peers, named(a.LoginOf))
		if login < 0 {
			check.addf("peer %q has the login of %q, which is no [[peer]] of the configuration", a.Region, a.LoginOf)
			continue
		}
		p := c.origin.peers[login]
		p.Region, p.Address = a.Region, a.Address
		peers = append(peers, p)
	}
	check.peerList(peers, c.Region.Name, c.Listen.MySQL)
	return peers, check.problems
}

// WithPeers returns the configuration with other peers.
func (c *Config) WithPeers(peers []Peer) *Config {
	other := *c
	other.Peers = peers
	return &other
}

// AddPeer returns the peers with one more, which is remembered in the peers file. It has the login of the [[peer]] loginOf; "": of the first.
// The caller takes the peers up.
func (c *Config) AddPeer(name, address, loginOf string) ([]Peer, error) {
	if slices.ContainsFunc(c.Peers, func(p Peer) bool { return p.Region == name }) {
		return nil, fmt.Errorf("there is already a peer %q", name)
	}
	if loginOf == "" && len(c.origin.peers) > 0 {
		loginOf = c.origin.peers[0].Region
	}
	if loginOf == "" {
		return nil, errors.New("the configuration has no [[peer]] whose login could be taken: write this one into it and send SIGHUP")
	}
	return c.changePeers(func(f *peersFile) {
		f.Removed = slices.DeleteFunc(f.Removed, func(r string) bool { return r == name })
		f.Added = slices.DeleteFunc(f.Added, func(a addedPeer) bool { return a.Region == name })
		f.Added = append(f.Added, addedPeer{Region: name, Address: address, LoginOf: loginOf})
	})
}

// RemovePeer returns the peers without one, which is remembered in the peers file. The caller takes the peers up.
func (c *Config) RemovePeer(name string) ([]Peer, error) {
	if !slices.ContainsFunc(c.Peers, func(p Peer) bool { return p.Region == name }) {
		return nil, fmt.Errorf("no peer is called %q", name)
	}
	return c.changePeers(func(f *peersFile) {
		f.Added = slices.DeleteFunc(f.Added, func(a addedPeer) bool { return a.Region == name })
		if slices.ContainsFunc(c.origin.peers, func(p Peer) bool { return p.Region == name }) {
			f.Removed = append(f.Removed, name)
		}
	})
}

// changePeers writes the peers file anew, unless what came of it would be wrong.
func (c *Config) changePeers(change func(*peersFile)) ([]Peer, error) {
	f, err := c.readPeers()
	if err != nil {
		return nil, err
	}
	change(&f)
	peers, problems := c.merged(f)
	if len(problems) > 0 {
		return nil, errors.New(problems[0])
	}
	text := bytes.NewBufferString(peersHead)
	if err := toml.NewEncoder(text).Encode(f); err != nil {
		return nil, fmt.Errorf("write the peers file: %w", err)
	}
	if err := durable.Replace(c.peersPath(), text.Bytes(), 0o600); err != nil {
		return nil, fmt.Errorf("write the peers file: %w", err)
	}
	return peers, nil
}

// Reload reads the file at path again. It returns an error if that cannot be used, or if anything but [[peer]] is not as it was: that takes a
// restart. The configuration itself does not change.
func (c *Config) Reload(path string) (*Config, error) {
	next, err := Load(path)
	if err != nil {
		return nil, err
	}
	var problems []string
	was, is := reflect.ValueOf(*c.origin.file), reflect.ValueOf(*next.origin.file)
	for i := range was.NumField() {
		name := was.Type().Field(i).Tag.Get("toml")
		if name != "peer" && !reflect.DeepEqual(was.Field(i).Interface(), is.Field(i).Interface()) {
			problems = append(problems, fmt.Sprintf("[%s] has been changed: only [[peer]] can be while the relay runs; nothing was taken up", name))
		}
	}
	if len(problems) > 0 {
		return nil, &Error{Path: path, Problems: problems}
	}
	return next, nil
}
