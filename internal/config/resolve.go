package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// resolver replaces strings that say where the real value stands.
type resolver struct {
	folder string // that relative paths start from
	lookup func(name string) (string, bool)
}

// resolve replaces every string of f in place and says what could not be.
func (r resolver) resolve(f *file) []string { return r.walk("", reflect.ValueOf(f).Elem()) }

func (r resolver) walk(path string, v reflect.Value) []string {
	var problems []string
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Tag.Get("toml")
			problems = append(problems, r.walk(join(path, name), v.Field(i))...)
		}
	case reflect.Slice:
		for i := range v.Len() {
			problems = append(problems, r.walk(fmt.Sprintf("%s[%d]", path, i+1), v.Index(i))...)
		}
	case reflect.String:
		value, err := r.value(v.String())
		if err != nil {
			return []string{fmt.Sprintf("%s: %v", path, err)}
		}
		v.SetString(value)
	}
	return problems
}

// locate makes paths of certificates start at the configuration's folder.
func (r resolver) locate(f *file) {
	for _, path := range []*string{
		&f.Database.TLSCA, &f.Database.TLSCert, &f.Database.TLSKey, &f.Listen.TLSCert, &f.Listen.TLSKey, &f.Listen.TLSClientCA,
		&f.PeerTLS.TLSCA, &f.PeerTLS.TLSCert, &f.PeerTLS.TLSKey,
	} {
		if *path == "" || filepath.IsAbs(*path) {
			continue
		}
		*path = filepath.Join(r.folder, *path)
		if absolute, err := filepath.Abs(*path); err == nil { // what is left in the source file must not depend on the working directory
			*path = absolute
		}
	}
}

func (r resolver) value(s string) (string, error) {
	if name, found := strings.CutPrefix(s, "env:"); found {
		value, set := r.lookup(name)
		if !set {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
		return value, nil
	}
	if path, found := strings.CutPrefix(s, "file:"); found {
		return r.readFile(path)
	}
	return s, nil
}

// maxSecretFile bounds what "file:" reads: a slip such as file:/dev/zero must not fill the memory.
const maxSecretFile = 64 << 10

func (r resolver) readFile(path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.folder, path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%s: %s", path, readProblem(err))
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return "", fmt.Errorf("%s is not a small regular file", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %s", path, readProblem(err))
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}

// ResolveValue is what a string outside of a configuration stands for: env:NAME and file:PATH as in one.
func ResolveValue(s string) (string, error) {
	return resolver{folder: ".", lookup: os.LookupEnv}.value(s)
}
