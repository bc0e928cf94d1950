package wsgi

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/pyhome"
)

// onlyVariable does what -python does, for runs of several packages.
const onlyVariable = "GOPHERSNAKE_TEST_PYTHON"

var only = flag.String("python", os.Getenv(onlyVariable), "test only the Pythons whose version begins with this")

// The environment variables that make this program a child of TestPythons.
const (
	homeVariable    = "GOPHERSNAKE_TEST_HOME"
	variantVariable = "GOPHERSNAKE_TEST_VARIANT"
	modeVariable    = "GOPHERSNAKE_TEST_MODE"
)

// variant is one way to set Python up. CPython starts once in a process, so
// that each runs in a child process of its own.
type variant struct {
	name   string
	wanted func(p pythons, i int) bool // nil: over every Python
	run    func(t *testing.T)
	// embeddedOnly is about what a daemon does not have.
	embeddedOnly bool
	// daemonOnly is about the memory that a daemon shares with the server.
	daemonOnly bool
}

// pythons are the versions found, newest first.
type pythons []*pyhome.Installation

func oldestAndNewest(p pythons, i int) bool { return i == 0 || i == len(p)-1 }

func hasOwnGIL(p pythons, i int) bool {
	return p[i].Version.Major > 3 || p[i].Version.Minor >= 12
}

// TestPythons runs every variant over every Python of this machine:
//
//	go test ./test/wsgi -run 'TestPythons/3.12.1/daemon/shared/main/cases/input-read$'
//	go test ./test/wsgi -python 3.12
func TestPythons(t *testing.T) {
	if name := os.Getenv(variantVariable); name != "" {
		runChild(t, name)
		return
	}
	found := findPythons(t)
	for i, p := range found {
		for _, v := range variants {
			if v.wanted != nil && !v.wanted(found, i) {
				continue
			}
			for _, mode := range []string{embeddedMode, daemonMode} {
				if mode == daemonMode && v.embeddedOnly || mode == embeddedMode && v.daemonOnly {
					continue
				}
				t.Run(label(p)+"/"+mode+"/"+v.name, func(t *testing.T) {
					t.Parallel()
					startChild(t, p.Home, mode, v.name)
				})
			}
		}
	}
}

// label names a Python; the one of the system may have the version of another.
func label(p *pyhome.Installation) string {
	if p.Prefix == "/usr" {
		return p.Version.String() + "-system"
	}
	return p.Version.String()
}

func findPythons(t *testing.T) pythons {
	var found pythons
	for _, c := range pyhome.List(t.Context()) {
		if c.Installation != nil && strings.HasPrefix(c.Installation.Version.String(), *only) {
			found = append(found, c.Installation)
		}
	}
	if len(found) == 0 {
		t.Fatalf("no CPython with a shared library (-python %q)", *only)
	}
	return found
}

func runChild(t *testing.T, name string) {
	for _, v := range variants {
		if v.name == name {
			v.run(t)
			return
		}
	}
	t.Fatalf("no variant %q", name)
}

// childTimeout is what a variant may take at most, on a busy machine and with
// the slowest checks; less than the whole run may, so that a variant that hangs
// shows its own goroutines.
const childTimeout = "8m"

// startChild runs this program again for one variant, with the part of -run
// that is about its subtests.
func startChild(t *testing.T, home, mode, name string) {
	run := "^TestPythons$"
	if asked := strings.SplitN(flag.Lookup("test.run").Value.String(), "/", 5); len(asked) == 5 {
		run += "/" + asked[4]
	}
	args := []string{"-test.run=" + run, "-test.timeout=" + childTimeout}
	if testing.Verbose() {
		args = append(args, "-test.v")
	}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	child := exec.CommandContext(t.Context(), os.Args[0], args...)
	child.Env = append(os.Environ(), homeVariable+"="+home, variantVariable+"="+name, modeVariable+"="+mode)
	child.Stdout, child.Stderr = t.Output(), t.Output()
	child.WaitDelay = 10 * time.Second // for what it may leave behind with its output
	if err := child.Run(); err != nil {
		t.Fatalf("variant %s in %s mode over %s: %v", name, mode, home, err)
	}
}
