package pyhome

import (
	"github.com/gophersnake/gophersnake/internal/account"

	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Find asks the Python in home what it is. Home is the prefix of an
// installation or of a virtual environment, or the path of an interpreter.
//
// It runs the interpreter once and blocks for up to ten seconds. The error is
// an *Error, or that of ctx. Safe for concurrent use.
func Find(ctx context.Context, home string) (*Installation, error) {
	return finder{timeout: probeTimeout, self: account.Current()}.find(ctx, home)
}

// FindFor is Find for a server that runs as another account, as far as owners and
// modes tell what that can reach.
func FindFor(ctx context.Context, home string, who account.Account) (*Installation, error) {
	return finder{timeout: probeTimeout, self: account.Current(), who: &who}.find(ctx, home)
}

// finder is Find with its surroundings.
type finder struct {
	timeout time.Duration
	self    account.Account // who we are, to explain a refusal
	// who is to use what is found; nil: this process.
	who *account.Account
}

func (f finder) find(ctx context.Context, home string) (*Installation, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, fmt.Errorf("find Python home: %w", err)
	}
	executable, err := f.interpreter(home)
	if err != nil {
		return nil, err
	}
	got, err := probe(ctx, executable, f.timeout)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("find Python in %s: %w", home, ctx.Err())
		}
		return nil, f.doesNotRun(home, executable, err)
	}
	installation := got.installation(home, executable)
	if err := check(installation, got); err != nil {
		return nil, err
	}
	if err := f.refusal(installation, executable); err != nil {
		return nil, err
	}
	return installation, nil
}

// refusal says what of an installation the account that is to use it cannot
// reach.
func (f finder) refusal(i *Installation, executable string) error {
	if f.who == nil || f.who.UID == f.self.UID {
		return nil
	}
	for _, path := range []string{executable, i.Executable, i.Library, i.Stdlib} {
		err := account.Refusal(path, *f.who)
		if refused, ok := errors.AsType[*account.AccessError](err); ok {
			return &Error{Home: i.Home, Reason: PermissionDenied, Version: i.Version, Found: refused.Error(), Err: refused, Repair: openIt}
		}
	}
	return nil
}

// openIt is what to do about a Python that an account cannot reach.
const openIt = "give the account access to it, or use a Python in a directory that everyone can read, such as /opt or /srv"

// interpreter finds the interpreter of a home.
func (f finder) interpreter(home string) (string, error) {
	info, err := os.Stat(home)
	if err != nil {
		return "", f.unreachable(home, home, err)
	}
	if !info.IsDir() {
		return f.interpreterItself(home, info)
	}
	for _, name := range []string{"python3", "python"} {
		path := filepath.Join(home, "bin", name)
		info, err := os.Stat(path)
		switch {
		case err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0:
			return path, nil
		case errors.Is(err, fs.ErrPermission):
			return "", f.unreachable(home, path, err)
		case err != nil && isSymlink(path):
			target, _ := os.Readlink(path)
			return "", &Error{Home: home, Reason: NoInterpreter, Err: err,
				Found:  fmt.Sprintf("%s points to %s, which does not exist: the Python it was made with is gone", path, target),
				Repair: "make the virtual environment again: python3 -m venv --clear " + home}
		}
	}
	return "", noInterpreter(home)
}

// interpreterItself accepts the path of an interpreter in place of its home.
func (f finder) interpreterItself(path string, info fs.FileInfo) (string, error) {
	if strings.HasPrefix(filepath.Base(path), "python") && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
		return path, nil
	}
	return "", &Error{Home: path, Reason: NotADirectory,
		Found:  fmt.Sprintf("a file of mode %v", info.Mode()),
		Repair: "name the prefix of a Python or virtual environment (what sys.prefix shows), or its interpreter"}
}

// noInterpreter explains a directory without one, looking around for the
// directory that was perhaps meant.
func noInterpreter(home string) error {
	e := &Error{Home: home, Reason: NoInterpreter,
		Found:  "there is neither bin/python3 nor bin/python",
		Repair: "name the prefix of a Python or virtual environment: what python3 -c 'import sys; print(sys.prefix)' shows"}
	around := []string{filepath.Dir(home)}
	for _, name := range []string{".venv", "venv", "env"} {
		around = append(around, filepath.Join(home, name))
	}
	for _, candidate := range around {
		if isExecutable(filepath.Join(candidate, "bin", "python3")) && (candidate != around[0] || filepath.Base(home) == "bin") {
			e.Repair = "perhaps " + candidate + " was meant"
			break
		}
	}
	return e
}

// unreachable explains why a path cannot be looked at.
func (f finder) unreachable(home, path string, err error) error {
	e := &Error{Home: home, Err: err, Found: err.Error()}
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.Reason = PermissionDenied
		e.Repair = openIt
		if refusal := account.Refusal(path, f.self); refusal != nil {
			e.Err, e.Found = refusal, refusal.Error()
		}
	case errors.Is(err, fs.ErrNotExist):
		e.Reason, e.Found = NoSuchDirectory, ""
		e.Repair = "name the prefix of an installed Python or virtual environment; `gophersnake doctor` lists those found"
		if element := firstMissing(home); element != home {
			e.Found = element + " does not exist"
		}
	default:
		e.Reason = NotADirectory
		e.Repair = "name the prefix of an installed Python or virtual environment; `gophersnake doctor` lists those found"
	}
	return e
}

func (f finder) doesNotRun(home, executable string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return f.unreachable(home, executable, err)
	}
	return &Error{Home: home, Reason: DoesNotRun, Err: err,
		Found:  executable + ": " + strings.TrimPrefix(err.Error(), "fork/exec "+executable+": "),
		Repair: "run " + executable + " by hand, and repair or reinstall this Python"}
}

// firstMissing returns the first element of a path that does not exist.
func firstMissing(path string) string {
	for parent := filepath.Dir(path); parent != path; parent = filepath.Dir(path) {
		if _, err := os.Lstat(parent); err == nil {
			break
		}
		path = parent
	}
	return path
}

func isSymlink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
