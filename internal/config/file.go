package config

// file is the configuration as it is written. Numbers with units are strings; see units.go.
type file struct {
	Region struct {
		Cluster string `toml:"cluster"`
		Name    string `toml:"name"`
		ID      int64  `toml:"id"`
		DataDir string `toml:"data_dir"`
		LogKey  string `toml:"log_key"`
	} `toml:"region"`
	Database struct {
		URL      string   `toml:"url"`
		Password string   `toml:"password"`
		Include  []string `toml:"include"`
		Exclude  []string `toml:"exclude"`
		TLS      string   `toml:"tls"`
		TLSCA    string   `toml:"tls_ca"`
		TLSCert  string   `toml:"tls_cert"`
		TLSKey   string   `toml:"tls_key"`
		SemiSync bool     `toml:"semi_sync"`
		DDL      string   `toml:"ddl"`
	} `toml:"database"`
	Listen struct {
		MySQL          string `toml:"mysql"`
		HTTP           string `toml:"http"`
		TLSCert        string `toml:"tls_cert"`
		TLSKey         string `toml:"tls_key"`
		TLSClientCA    string `toml:"tls_client_ca"`
		MaxConnections int64  `toml:"max_connections"`
		MaxMemory      string `toml:"max_memory"`
		LoginTimeout   string `toml:"login_timeout"`
		WriteTimeout   string `toml:"write_timeout"`
	} `toml:"listen"`
	Users []struct {
		Name               string   `toml:"name"`
		Password           string   `toml:"password"`
		Roles              []string `toml:"roles"`
		Auth               string   `toml:"auth"`
		RequireTLS         bool     `toml:"require_tls"`
		RequireCertificate bool     `toml:"require_certificate"`
		CertificateName    string   `toml:"certificate_name"`
		MaxConnections     int64    `toml:"max_connections"`
	} `toml:"user"`
	Peers []struct {
		Region   string `toml:"region"`
		Address  string `toml:"address"`
		User     string `toml:"user"`
		Password string `toml:"password"`
	} `toml:"peer"`
	PeerTLS struct {
		TLS     string `toml:"tls"`
		TLSCA   string `toml:"tls_ca"`
		TLSCert string `toml:"tls_cert"`
		TLSKey  string `toml:"tls_key"`
	} `toml:"peers"`
	Rules []struct {
		Tables    []string `toml:"tables"`
		Policy    string   `toml:"policy"`
		Regions   []string `toml:"regions"`
		Counters  []string `toml:"counters"`
		Timestamp string   `toml:"timestamp"`
	} `toml:"rule"`
	Replicas struct {
		Exclude []string `toml:"exclude"`
	} `toml:"replicas"`
	Retention struct {
		Bytes    string `toml:"bytes"`
		Age      string `toml:"age"`
		Replicas string `toml:"replicas"`
		MinFree  string `toml:"min_free"`
	} `toml:"retention"`
	Pressure struct {
		Free   string `toml:"free"`
		Memory string `toml:"memory"`
	} `toml:"pressure"`
	Apply struct {
		Lanes    int64  `toml:"lanes"`
		LockWait string `toml:"lock_wait"`
	} `toml:"apply"`
	Clock struct {
		Warn string `toml:"warn"`
		Stop string `toml:"stop"`
	} `toml:"clock"`
	Verify struct {
		Every    string   `toml:"every"`
		Window   string   `toml:"window"`
		Rate     int64    `toml:"rate"`
		Patience string   `toml:"patience"`
		Tables   []string `toml:"tables"`
	} `toml:"verify"`
	Webhooks []struct {
		URL    string   `toml:"url"`
		Secret string   `toml:"secret"`
		Events []string `toml:"events"`
	} `toml:"webhook"`
	Log struct {
		Level  string `toml:"level"`
		Format string `toml:"format"`
	} `toml:"log"`
}

// defaults is what holds where the file says nothing.
func defaults() *file {
	f := &file{}
	f.Database.TLS, f.PeerTLS.TLS = string(TLSOff), string(TLSOff)
	f.Database.DDL = "replicate"
	f.Listen.MaxConnections, f.Listen.MaxMemory = 512, "128MiB"
	f.Listen.LoginTimeout, f.Listen.WriteTimeout = "10s", "60s"
	f.Retention.Bytes, f.Retention.Age, f.Retention.Replicas = "10GiB", "7d", "1d"
	f.Retention.MinFree = "256MiB"
	f.Pressure.Free, f.Pressure.Memory = "1GiB", "1GiB"
	f.Apply.Lanes, f.Apply.LockWait = 4, "1s"
	f.Clock.Warn, f.Clock.Stop = "5s", "60s"
	f.Verify.Every, f.Verify.Patience = "0", "1m"
	f.Log.Level, f.Log.Format = "info", "text"
	return f
}
