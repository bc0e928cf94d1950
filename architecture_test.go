// Package gophersnake holds the rules that span all packages: who may import
// whom, and that each package says what it is.
package gophersnake

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gophersnake/gophersnake"

// allowed lists, for each package, the packages of this module that it may
// import. A new edge is a new line here, for a reviewer to see.
var allowed = map[string][]string{
	".":                  {},
	"cmd/gophersnake":    {"internal/cli"},
	"internal/account":   {"test/nobody"},
	"internal/cli":       {"internal/account", "internal/confine", "internal/control", "internal/daemon", "internal/dispatch", "internal/framing", "internal/front", "internal/hosting", "internal/listen", "internal/logs", "internal/mediatype", "internal/parent", "internal/procgroup", "internal/pyhome", "internal/python", "internal/ring", "internal/server", "internal/spawn", "internal/status", "internal/suggest", "internal/supervise", "internal/timeout", "internal/watch", "internal/wire", "internal/worker", "test/nobody"},
	"internal/confine":   {"internal/account", "internal/timeout", "test/nobody"},
	"internal/control":   {},
	"internal/daemon":    {"internal/flat", "internal/gateway", "internal/logs", "internal/reply", "internal/ring", "internal/ring/ringtest"},
	"internal/dispatch":  {"test/nobody"},
	"internal/flat":      {"internal/gateway"},
	"internal/framing":   {},
	"internal/front":     {"internal/dispatch", "internal/framing", "internal/gateway", "internal/logs", "internal/mediatype", "internal/quiet", "test/nobody"},
	"internal/gateway":   {},
	"internal/hosting":   {"internal/account", "internal/procgroup", "internal/suggest", "internal/timeout"},
	"internal/listen":    {},
	"internal/logs":      {"internal/suggest"},
	"internal/mediatype": {},
	"internal/parent":    {"internal/control", "internal/logs", "internal/procgroup", "internal/spawn", "internal/supervise", "internal/timeout", "internal/wire"},
	"internal/procgroup": {"internal/account", "internal/confine", "internal/suggest", "internal/timeout"},
	"internal/pyhome":    {"internal/account", "test/nobody"},
	"internal/python":    {"internal/flat", "internal/gateway", "internal/logs", "internal/reply"},
	"internal/quiet":     {},
	"internal/reply":     {"internal/flat", "internal/gateway"},
	"internal/ring":      {"internal/ring/ringtest"},
	"internal/server":    {"internal/logs", "internal/timeout"},
	"internal/spawn":     {"internal/control"},
	"internal/status":    {"test/nobody"},
	"internal/suggest":   {},
	"internal/supervise": {"internal/logs", "internal/timeout"},
	"internal/timeout":   {},
	"internal/watch":     {},
	"internal/wire":      {"internal/timeout"},
	"internal/worker":    {"internal/control", "internal/logs", "internal/timeout", "internal/wire"},
	"bench":              {"bench/apps", "bench/launch", "bench/procfs", "bench/readme"},
	"bench/apps":         {},
	"bench/floor":        {},
	"bench/idle":         {"bench/apps", "bench/launch", "bench/procfs", "bench/readme"},
	"bench/launch":       {"bench/procfs"},
	"bench/procfs":       {},
	"bench/readme":       {},
	"bench/soak":         {"bench/apps", "bench/launch", "bench/procfs"},
	"test/e2e":           {},
	"test/nobody":        {},
	"test/wsgi":          {"internal/control", "internal/daemon", "internal/dispatch", "internal/front", "internal/gateway", "internal/logs", "internal/pyhome", "internal/python", "internal/ring"},

	"internal/ring/ringtest": {}, // for tests
}

// root lists what the top of the repository holds.
var root = []string{
	".ci", ".git", ".gitignore", ".golangci.yml", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
	"Makefile", "README.md", "architecture_test.go", "bench", "cmd", "demo", "docs", "go.mod", "go.sum", "internal",
	"scripts", "setup_test.go", "test",
	"build", "gophersnake", // made by the Makefile and by go build
}

// standardOnly lists packages that import nothing beyond Go's library.
var standardOnly = []string{"internal/gateway"}

// cgoIn is the only package that may know C.
const cgoIn = "internal/python"

// sourcePackage is what the sources of one directory say.
type sourcePackage struct {
	imports map[string][]string // by path, the files that import it; tests too
	comment bool
}

func readPackages(t *testing.T) map[string]*sourcePackage {
	t.Helper()
	packages := map[string]*sourcePackage{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"build", "testdata", "node_modules"}, d.Name())) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		return readFile(packages, path)
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

func readFile(packages map[string]*sourcePackage, path string) error {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	dir := filepath.ToSlash(filepath.Dir(path))
	p := packages[dir]
	if p == nil {
		p = &sourcePackage{imports: map[string][]string{}}
		packages[dir] = p
	}
	p.comment = p.comment || saysWhatItIs(f)
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		p.imports[name] = append(p.imports[name], path)
	}
	return nil
}

// saysWhatItIs reports a package comment of more than a few words.
func saysWhatItIs(f *ast.File) bool {
	return f.Doc != nil && len(strings.Fields(f.Doc.Text())) >= 10
}

func TestImports(t *testing.T) {
	for dir, p := range readPackages(t) {
		may, known := allowed[dir]
		if !known {
			t.Errorf("package %s is not in the table of allowed imports", dir)
			continue
		}
		for name, files := range p.imports {
			own, ours := strings.CutPrefix(name, module+"/")
			switch {
			case ours && own != dir && !slices.Contains(may, own):
				t.Errorf("%s imports %s (%s)", dir, own, strings.Join(files, ", "))
			case name == "C" && dir != cgoIn:
				t.Errorf("%s imports C; only %s may", dir, cgoIn)
			case slices.Contains(standardOnly, dir) && strings.Contains(strings.Split(name, "/")[0], "."):
				t.Errorf("%s imports %s; it may import only Go's library", dir, name)
			}
		}
	}
}

func TestTableIsCurrent(t *testing.T) {
	packages := readPackages(t)
	for dir, may := range allowed {
		p := packages[dir]
		if p == nil {
			t.Errorf("the table lists %s, which does not exist", dir)
			continue
		}
		for _, name := range may {
			if p.imports[module+"/"+name] == nil {
				t.Errorf("the table lets %s import %s, which it does not", dir, name)
			}
		}
	}
}

func TestRoot(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !slices.Contains(root, e.Name()) && ext != ".test" && ext != ".prof" {
			t.Errorf("%s does not belong to the top of the repository: move it, remove it, or add it to the table", e.Name())
		}
	}
}

func TestPackageComments(t *testing.T) {
	for dir, p := range readPackages(t) {
		if !p.comment {
			t.Errorf("package %s has no comment that says what it knows and what it does not", dir)
		}
	}
}

func TestFileSizes(t *testing.T) {
	limits := map[string]int{".go": 500, ".c": 400, ".h": 400, ".py": 400}
	err := filepath.WalkDir("internal", func(path string, d fs.DirEntry, err error) error {
		limit := limits[filepath.Ext(path)]
		if err != nil || limit == 0 {
			return err
		}
		text, err := os.ReadFile(path)
		if lines := strings.Count(string(text), "\n"); lines > limit {
			t.Errorf("%s has %d lines, more than %d", path, lines, limit)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
