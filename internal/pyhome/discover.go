package pyhome

import (
	"github.com/gophersnake/gophersnake/internal/account"

	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Candidate is a Python found on this machine, usable or not.
type Candidate struct {
	Home         string        // what to name as python-home to get it
	Source       string        // where it was found: "VIRTUAL_ENV", "PATH", "/usr/bin", "pyenv", ...
	Default      bool          // what is used when none is named
	Installation *Installation // nil if it cannot be used
	Err          error         // why, usually an *Error
}

// List asks all Pythons it finds on the machine what they are, several at a
// time, and returns each once: the usable ones first, newer before older. It
// looks at $VIRTUAL_ENV, PATH, the usual directories of the system, pyenv and
// virtual environments in the current directory.
func List(ctx context.Context) []Candidate {
	return thisMachine().list(ctx)
}

// ListFor is List for a server that runs as another account, as far as owners
// and modes tell what that can reach.
func ListFor(ctx context.Context, who account.Account) []Candidate {
	m := thisMachine()
	m.finder.who = &who
	return m.list(ctx)
}

// Default returns the Python to use when none is named: that of $VIRTUAL_ENV,
// else the first usable python3 on PATH, else that of /usr/bin or /usr/local/bin,
// else the first usable one there is. It also returns those that would have come
// before and why they were skipped. The error is an *Error of reason
// NonePresent, or that of ctx.
func Default(ctx context.Context) (*Installation, []Candidate, error) {
	return DefaultOf(ctx, Places())
}

// DefaultOf is Default for places that were found before, perhaps by a process with
// other rights: what this one cannot reach is among those that are skipped.
func DefaultOf(ctx context.Context, places []Place) (*Installation, []Candidate, error) {
	return thisMachine().first(ctx, places)
}

func (m machine) list(ctx context.Context) []Candidate {
	places := m.places()
	found := make([]Candidate, len(places))
	slots := make(chan struct{}, max(2, runtime.NumCPU()))
	var wg sync.WaitGroup
	for n, p := range places {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[n] = m.ask(ctx, p)
		})
	}
	wg.Wait()
	found = distinct(found)
	if n := slices.IndexFunc(found, Candidate.usable); n >= 0 {
		found[n].Default = true
	}
	slices.SortStableFunc(found, inOrder)
	return found
}

func (m machine) first(ctx context.Context, places []Place) (*Installation, []Candidate, error) {
	var skipped []Candidate
	for _, p := range places {
		c := m.ask(ctx, p)
		if err := ctx.Err(); err != nil {
			return nil, skipped, err
		}
		if c.usable() {
			return c.Installation, distinct(skipped), nil
		}
		skipped = append(skipped, c)
	}
	e := &Error{Reason: NonePresent, Found: "there is no Python on this machine",
		Repair: "install one (Debian: apt-get install python3 and the libpython3.X of its version) or name it as python-home"}
	if len(skipped) > 0 {
		e.Found = "none of the Pythons found can be embedded"
		e.Repair = "`gophersnake doctor` says what is wrong with each and what to do"
	}
	return nil, distinct(skipped), e
}

// ask probes one place.
func (m machine) ask(ctx context.Context, p Place) Candidate {
	installation, err := m.finder.find(ctx, p.Path)
	c := Candidate{Home: p.Path, Source: p.Source, Installation: installation, Err: err}
	if err == nil {
		c.Home = installation.shortestHome()
		named := *installation
		named.Home = c.Home
		c.Installation = &named
	}
	return c
}

func (c Candidate) usable() bool { return c.Installation != nil }

// version returns what is known of the version, even of a Python that cannot
// be used.
func (c Candidate) version() Version {
	if c.Installation != nil {
		return c.Installation.Version
	}
	if e, ok := errors.AsType[*Error](c.Err); ok {
		return e.Version
	}
	return Version{}
}

// shortestHome returns the prefix if naming it finds this interpreter, or else
// the path of the interpreter: /usr can hold several Pythons.
func (i *Installation) shortestHome() string {
	for _, name := range []string{"python3", "python"} {
		path := filepath.Join(i.Prefix, "bin", name)
		if isExecutable(path) {
			if sameFile(path, i.Executable) {
				return i.Prefix
			}
			break
		}
	}
	return i.Executable
}

func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// distinct drops the candidates that are one of the earlier ones reached in
// another way.
func distinct(all []Candidate) []Candidate {
	seen := make(map[string]bool, len(all))
	return slices.DeleteFunc(all, func(c Candidate) bool {
		key := c.Home
		if c.usable() {
			key = realPath(c.Installation.Prefix) + " " + c.version().Short()
		}
		if seen[key] {
			return true
		}
		seen[key] = true
		return false
	})
}

func inOrder(a, b Candidate) int {
	rank := func(c Candidate) int {
		if c.usable() {
			return 0
		}
		return 1
	}
	va, vb := a.version(), b.version()
	return cmp.Or(cmp.Compare(rank(a), rank(b)),
		cmp.Compare(vb.Major, va.Major), cmp.Compare(vb.Minor, va.Minor), cmp.Compare(vb.Micro, va.Micro),
		strings.Compare(a.Home, b.Home))
}

// realPath resolves symbolic links as far as possible.
func realPath(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return filepath.Clean(path)
}
