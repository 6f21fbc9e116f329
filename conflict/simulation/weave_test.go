package simulation_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// All mutants are woven into one program, which is built once: a function that is broken has one body for each way in which it is, and OCTANT_MUTANT says which one
// runs. To build each of more than a hundred took most of the time.

// chooser is put into each package that has mutants.
const chooser = `package %s

import (
	"os"
	"strconv"
)

var mutant, _ = strconv.Atoi(os.Getenv("OCTANT_MUTANT"))
`

// wovenFunc is the body of a function, and the mutants of it, by number. Numbers begin with 1.
type wovenFunc struct {
	from, to int // of the text between the braces
	broken   map[int]string
}

// wovenFile is the functions of a file that are broken, by where they begin.
type wovenFile map[int]*wovenFunc

// weave builds the program.
func weave(t *testing.T) (program string) {
	t.Helper()
	files := make(map[string]wovenFile)
	for i, m := range mutations {
		path, text := m.source(t)
		if files[path] == nil {
			files[path] = make(wovenFile)
		}
		files[path].add(t, text, i+1, m)
	}
	dir, replaced := t.TempDir(), make(map[string]string)
	for path, f := range files {
		f.replace(t, dir, path, replaced)
	}
	return build(t, dir, replaced)
}

// add gives a function of the file a body that is broken by a mutation.
func (w wovenFile) add(t *testing.T, text string, number int, m mutation) {
	t.Helper()
	at := strings.Index(text, m.old)
	_, bodies := functionsOf(t, text)
	for _, body := range bodies {
		from, to := int(body.Lbrace), int(body.Rbrace)-1 // positions count from 1
		if at < from || at+len(m.old) > to {
			continue
		}
		if w[from] == nil {
			w[from] = &wovenFunc{from, to, make(map[int]string)}
		}
		w[from].broken[number] = text[from:at] + m.new + text[at+len(m.old):to]
		return
	}
	t.Fatalf("%s: what is broken is not in the body of a function", m.name)
}

// replace puts the file with all its mutants into the place of the one at path, and the chooser beside it.
func (w wovenFile) replace(t *testing.T, dir, path string, replaced map[string]string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pkg, _ := functionsOf(t, string(text))
	for path, text := range map[string]string{
		path: w.text(string(text)), filepath.Join(filepath.Dir(path), "mutant_chooser.go"): fmt.Sprintf(chooser, pkg),
	} {
		name := filepath.Join(dir, strings.ReplaceAll(path, string(filepath.Separator), "_"))
		write(t, name, text)
		replaced[path] = name
	}
}

// text is the file with all bodies of its functions.
func (w wovenFile) text(text string) string {
	var b strings.Builder
	at := 0
	for _, from := range slices.Sorted(maps.Keys(w)) {
		f := w[from]
		b.WriteString(text[at:f.from] + "\nswitch mutant {\n")
		for number, body := range f.broken {
			fmt.Fprintf(&b, "case %d:\n%s\n", number, body)
		}
		b.WriteString("default:\n" + text[f.from:f.to] + "\n}\n")
		at = f.to
	}
	b.WriteString(text[at:])
	return b.String()
}

// build builds the tests of this package with some files in the place of others.
func build(t *testing.T, dir string, replaced map[string]string) (program string) {
	t.Helper()
	data, err := json.Marshal(map[string]map[string]string{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	write(t, overlay, string(data))
	program = filepath.Join(dir, "mutants")
	cmd := exec.Command("go", "test", "-c", "-o", program, "-overlay", overlay, "-vet=off", "-ldflags=-s -w", ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the mutants do not build: %v\n%s", err, out)
	}
	return program
}

// functionsOf parses a file into its package's name and the bodies of its functions.
func functionsOf(t *testing.T, text string) (pkg string, bodies []*ast.BlockStmt) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if f, is := d.(*ast.FuncDecl); is && f.Body != nil {
			bodies = append(bodies, f.Body)
		}
	}
	return file.Name.Name, bodies
}
