package pyhome

import (
	"github.com/gophersnake/gophersnake/internal/account"

	"fmt"
	"path/filepath"
)

// The oldest and the newest version that can be embedded.
var (
	Oldest = Version{3, 9, 0}
	Newest = Version{3, 14, 0} // and every later Micro
)

// Version is a version of Python.
type Version struct{ Major, Minor, Micro int }

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Micro) }

// Short returns "3.11".
func (v Version) Short() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// AtLeast compares with major.minor.
func (v Version) AtLeast(major, minor int) bool {
	return !v.olderThan(Version{Major: major, Minor: minor})
}

// olderThan compares Major and Minor only.
func (v Version) olderThan(w Version) bool {
	return v.Major < w.Major || v.Major == w.Major && v.Minor < w.Minor
}

// Installation is a Python, or a virtual environment, that can be embedded. It
// is not changed after it was returned.
type Installation struct {
	Home           string // what was asked for, absolute: a prefix or an interpreter
	Executable     string // sys.executable: the program name to initialise with
	Prefix         string // sys.prefix; the virtual environment's if there is one
	BasePrefix     string // sys.base_prefix: where the standard library is
	Stdlib         string // directory of the standard library
	Version        Version
	Library        string // absolute path of libpython
	Venv           bool
	FreeThreaded   bool // built without the GIL
	Debug          bool // built with Py_DEBUG
	Implementation string
}

func (i *Installation) String() string {
	kind := "Python "
	if i.Venv {
		kind = "virtual environment of Python "
	}
	return kind + i.Version.String() + " in " + i.Prefix
}

// Refusal returns why the account could not use the installation, an
// *account.AccessError, or nil. It looks at the interpreter, the library, the standard
// library and the virtual environment.
func (i *Installation) Refusal(who account.Account) error {
	paths := []string{i.Executable, i.Library}
	if i.Stdlib != "" {
		paths = append(paths, i.Stdlib)
	}
	if i.Venv {
		paths = append(paths, filepath.Join(i.Prefix, "pyvenv.cfg"))
	}
	for _, path := range paths {
		if err := account.Refusal(path, who); err != nil {
			return err
		}
	}
	return nil
}
