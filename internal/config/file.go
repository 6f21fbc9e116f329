package config

// file is the configuration as it is written. Numbers with units are strings; see units.go.
type file struct {
	Region struct {
		Cluster string `toml:"cluster"`
		Name    string `toml:"name"`
		ID      int64  `toml:"id"`
		DataDir string `toml:"data_dir"`
	} `toml:"region"`
	Database struct {
		URL      string   `toml:"url"`
		Password string   `toml:"password"`
		Include  []string `toml:"include"`
		Exclude  []string `toml:"exclude"`
	} `toml:"database"`
	Listen struct {
		MySQL string `toml:"mysql"`
		HTTP  string `toml:"http"`
	} `toml:"listen"`
	Users []struct {
		Name     string   `toml:"name"`
		Password string   `toml:"password"`
		Roles    []string `toml:"roles"`
	} `toml:"user"`
	Peers []struct {
		Region   string `toml:"region"`
		Address  string `toml:"address"`
		User     string `toml:"user"`
		Password string `toml:"password"`
	} `toml:"peer"`
	Rules []struct {
		Tables []string `toml:"tables"`
		Policy string   `toml:"policy"`
	} `toml:"rule"`
	Retention struct {
		Bytes string `toml:"bytes"`
		Age   string `toml:"age"`
	} `toml:"retention"`
	Apply struct {
		Lanes    int64  `toml:"lanes"`
		LockWait string `toml:"lock_wait"`
	} `toml:"apply"`
	Clock struct {
		Warn string `toml:"warn"`
		Stop string `toml:"stop"`
	} `toml:"clock"`
	Log struct {
		Level  string `toml:"level"`
		Format string `toml:"format"`
	} `toml:"log"`
}

// defaults is what holds where the file says nothing.
func defaults() *file {
	f := &file{}
	f.Retention.Bytes, f.Retention.Age = "10GiB", "7d"
	f.Apply.Lanes, f.Apply.LockWait = 4, "1s"
	f.Clock.Warn, f.Clock.Stop = "5s", "60s"
	f.Log.Level, f.Log.Format = "info", "text"
	return f
}
