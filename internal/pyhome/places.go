package pyhome

import (
	"github.com/gophersnake/gophersnake/internal/account"

	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// machine is where Pythons are looked for.
type machine struct {
	getenv func(string) string
	home   string   // the account's home directory
	cwd    string   // the current directory
	bin    []string // directories of the system's programs, the preferred first
	opt    []string // patterns of further directories of programs
	finder finder
}

func thisMachine() machine {
	home, _ := os.UserHomeDir() // "" finds nothing there
	cwd, _ := os.Getwd()
	return machine{
		getenv: os.Getenv,
		home:   home,
		cwd:    cwd,
		bin:    []string{"/usr/bin", "/usr/local/bin"},
		opt:    []string{"/opt/*/bin"},
		finder: finder{timeout: probeTimeout, self: account.Current()},
	}
}

// Place is where a Python is looked for: an interpreter or a home.
type Place struct{ Path, Source string }

// Places lists where the calling process, with its rights and its environment,
// would look for a Python when none is named, in the order of preference.
func Places() []Place { return thisMachine().places() }

// interpreterName tells python3.11 from python3-config.
var interpreterName = regexp.MustCompile(`^python3(\.[0-9]+t?)?$`)

// places lists what to ask in the order of preference, each interpreter once.
func (m machine) places() []Place {
	var l placeList
	if env := m.getenv("VIRTUAL_ENV"); env != "" {
		l.add(env, "VIRTUAL_ENV")
	}
	path := m.pathDirs()
	for _, dir := range path {
		l.addExecutable(filepath.Join(dir, "python3"), "PATH")
	}
	for _, dir := range m.bin {
		l.addExecutable(filepath.Join(dir, "python3"), dir)
	}
	for _, dir := range m.bin {
		l.addAll(dir, dir)
	}
	for _, dir := range path {
		if filepath.Base(dir) != "shims" { // those of pyenv start only versions it lists itself
			l.addAll(dir, "PATH")
		}
	}
	for _, pattern := range m.opt {
		for _, dir := range glob(pattern) {
			l.addAll(dir, dir)
		}
	}
	for _, root := range m.pyenvRoots() {
		for _, home := range glob(filepath.Join(root, "versions", "*")) {
			l.add(home, "pyenv")
		}
	}
	for _, name := range []string{".venv", "venv"} {
		if m.cwd != "" && exists(filepath.Join(m.cwd, name, "pyvenv.cfg")) {
			l.add(filepath.Join(m.cwd, name), "current directory")
		}
	}
	return l.places
}

// pathDirs lists the absolute directories of PATH.
func (m machine) pathDirs() []string {
	dirs := filepath.SplitList(m.getenv("PATH"))
	return slices.DeleteFunc(dirs, func(dir string) bool { return !filepath.IsAbs(dir) })
}

func (m machine) pyenvRoots() []string {
	var roots []string
	if root := m.getenv("PYENV_ROOT"); filepath.IsAbs(root) {
		roots = append(roots, root)
	}
	if m.home != "" {
		roots = append(roots, filepath.Join(m.home, ".pyenv"))
	}
	return roots
}

// placeList collects places without repetition.
type placeList struct {
	places []Place
	seen   map[string]bool
}

func (l *placeList) add(path, source string) {
	key := placeKey(path)
	if l.seen[key] {
		return
	}
	if l.seen == nil {
		l.seen = make(map[string]bool)
	}
	l.seen[key] = true
	l.places = append(l.places, Place{path, source})
}

// addExecutable adds an interpreter if there is one.
func (l *placeList) addExecutable(path, source string) {
	if isExecutable(path) {
		l.add(path, source)
	}
}

// addAll adds the interpreters of a directory.
func (l *placeList) addAll(dir, source string) {
	for _, path := range glob(filepath.Join(dir, "python3*")) {
		if interpreterName.MatchString(filepath.Base(path)) {
			l.addExecutable(path, source)
		}
	}
}

// placeKey identifies an interpreter: by its file and by the directory of the
// name it is called by, because that is what makes a virtual environment.
func placeKey(path string) string {
	executable := path
	for _, name := range []string{"python3", "python"} {
		if inside := filepath.Join(path, "bin", name); exists(inside) {
			executable = inside
			break
		}
	}
	return realPath(filepath.Dir(executable)) + " " + realPath(executable)
}

// glob returns the sorted matches of a pattern; a malformed one matches
// nothing, for a directory may have any name.
func glob(pattern string) []string {
	matches, _ := filepath.Glob(pattern)
	return matches
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
