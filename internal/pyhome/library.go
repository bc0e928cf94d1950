package pyhome

import (
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// machines tells which ELF files this program can load.
var machines = map[string]elf.Machine{
	"386": elf.EM_386, "amd64": elf.EM_X86_64, "arm": elf.EM_ARM, "arm64": elf.EM_AARCH64,
	"loong64": elf.EM_LOONGARCH, "ppc64le": elf.EM_PPC64, "riscv64": elf.EM_RISCV, "s390x": elf.EM_S390,
}

// findLibrary returns the path of the shared library of a Python: the file the
// interpreter itself has in memory, or else the first that exists.
func findLibrary(i *Installation, a *answer) (string, error) {
	foreign := ""
	for _, path := range candidates(i, a) {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if loadable(path) {
			return path, nil
		}
		foreign = path
	}
	if foreign != "" {
		return "", &Error{Home: i.Home, Reason: WrongArchitecture, Version: i.Version,
			Found:  foreign + " is not a shared library for " + runtime.GOOS + "/" + runtime.GOARCH,
			Repair: "use a Python for this processor"}
	}
	return "", &Error{Home: i.Home, Reason: NoSharedLibrary, Version: i.Version,
		Found:  "Python " + i.Version.String() + " without " + libraryNames(i, a)[0] + " in " + strings.Join(libraryDirs(i, a), ", "),
		Repair: howToShare(i)}
}

// candidates lists the paths where the library can be, the surest first.
func candidates(i *Installation, a *answer) []string {
	var paths []string
	stem := "libpython" + i.Version.Short()
	for _, path := range a.Mapped {
		if name := filepath.Base(path); strings.HasPrefix(name, stem) && !digitFollows(name, len(stem)) {
			paths = append(paths, path)
		}
	}
	for _, dir := range libraryDirs(i, a) {
		for _, name := range libraryNames(i, a) {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths
}

// digitFollows tells libpython3.1 from libpython3.12.
func digitFollows(s string, at int) bool { return at < len(s) && s[at] >= '0' && s[at] <= '9' }

// libraryDirs lists the directories to search, without repetition.
func libraryDirs(i *Installation, a *answer) []string {
	var dirs []string
	add := func(dir string) {
		if dir = filepath.Clean(dir); filepath.IsAbs(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	libdir, multiarch := a.Config["LIBDIR"], a.Config["MULTIARCH"]
	add(libdir)
	if libdir != "" && filepath.Base(libdir) != multiarch { // Debian's ends with it already
		add(filepath.Join(libdir, multiarch))
	}
	for _, prefix := range []string{i.BasePrefix, i.Prefix} {
		if prefix != "" {
			add(filepath.Join(prefix, "lib"))
			add(filepath.Join(prefix, "lib64"))
		}
	}
	if multiarch != "" && i.BasePrefix != "" {
		add(filepath.Join(i.BasePrefix, "lib", multiarch))
	}
	return dirs
}

// libraryNames lists the names the library may have, without repetition and
// never empty. The unversioned libpython3.so is not among them: it holds
// nothing itself.
func libraryNames(i *Installation, a *answer) []string {
	var names []string
	add := func(name string) {
		if isShared(name) && !slices.Contains(names, name) && name != "libpython3.so" {
			names = append(names, name)
		}
	}
	stem := "libpython" + i.Version.Short() + a.ABIFlags
	add(filepath.Base(a.Config["INSTSONAME"]))
	add(stem + ".so.1.0")
	add(stem + ".so.1")
	add(stem + ".so")
	add(filepath.Base(a.Config["LDLIBRARY"]))
	if runtime.GOOS == "darwin" {
		add(stem + ".dylib")
	}
	return names
}

func isShared(name string) bool {
	return strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.") || strings.HasSuffix(name, ".dylib")
}

// loadable reports whether a file looks like a shared library that this
// program can open. Other formats than ELF are not looked into.
func loadable(path string) bool {
	if runtime.GOOS != "linux" {
		return true
	}
	file, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	want, known := machines[runtime.GOARCH]
	return file.Type == elf.ET_DYN && (!known || file.Machine == want)
}
