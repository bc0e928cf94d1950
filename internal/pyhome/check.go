package pyhome

import (
	"path/filepath"
	"strings"
)

// installation turns the answer of an interpreter into an Installation without
// a library.
func (a *answer) installation(home, executable string) *Installation {
	i := &Installation{
		Home:           home,
		Executable:     a.Executable,
		Prefix:         a.Prefix,
		BasePrefix:     a.BasePrefix,
		Stdlib:         a.Stdlib,
		Version:        Version{a.Version[0], a.Version[1], a.Version[2]},
		Venv:           a.Prefix != a.BasePrefix,
		FreeThreaded:   a.Config["Py_GIL_DISABLED"] == "1" || strings.Contains(a.ABIFlags, "t"),
		Debug:          a.Config["Py_DEBUG"] == "1" || strings.Contains(a.ABIFlags, "d"),
		Implementation: a.Implementation,
	}
	if i.Executable == "" {
		i.Executable = executable
	}
	return i
}

// check decides whether an installation can be embedded and sets its Library.
func check(i *Installation, a *answer) error {
	refuse := func(reason Reason, found, repair string) error {
		return &Error{Home: i.Home, Reason: reason, Version: i.Version, Found: found, Repair: repair}
	}
	v := i.Version
	another := "use CPython " + Oldest.Short() + " to " + Newest.Short() + "; `gophersnake doctor` lists those found"
	switch {
	case i.Implementation != "cpython":
		return refuse(NotCPython, "it is "+i.Implementation+" "+v.String(), another)
	case v.olderThan(Oldest):
		return refuse(TooOld, "it is Python "+v.String()+", the oldest supported is "+Oldest.Short(), another)
	case Newest.olderThan(v):
		return refuse(TooNew, "it is Python "+v.String()+", the newest supported is "+Newest.Short(), another)
	case i.FreeThreaded:
		return refuse(FreeThreadedBuild, "it is Python "+v.String()+" built without the global interpreter lock, which is not supported yet",
			"use the ordinary build of Python "+v.Short())
	}
	library, err := findLibrary(i, a)
	if err != nil {
		return err
	}
	i.Library = library
	return nil
}

// howToShare says how this Python could get a shared library.
func howToShare(i *Installation) string {
	version := i.Version.Short()
	home := i.BasePrefix
	switch {
	case strings.Contains(home, "/.pyenv/") || filepath.Base(filepath.Dir(home)) == "versions":
		return "build it with one: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force " + filepath.Base(home)
	case home == "/usr":
		return "install it: apt-get install libpython" + version + " (Fedora: dnf install python3-libs)"
	}
	return "install a package libpython" + version + " if there is one for it, or build this Python with ./configure --enable-shared"
}
