package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// program is the path of the program under test, and buildFlags are what it is
// built with beyond the usual; both are set before the first test.
var (
	program    string
	buildFlags []string
)

func TestMain(m *testing.M) {
	status, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		status = 1
	}
	os.Exit(status)
}

// buildAndRun builds the program in a directory that every account can reach.
func buildAndRun(m *testing.M) (status int, err error) {
	dir, err := os.MkdirTemp("", "gophersnake-e2e-")
	if err != nil {
		return 0, fmt.Errorf("make directory for the program: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return 0, fmt.Errorf("open directory of the program: %w", err)
	}
	program = filepath.Join(dir, "gophersnake")
	if err := build(program, buildFlags...); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

func build(path string, flags ...string) error {
	args := append([]string{"build", "-o", path}, flags...)
	if out, err := exec.Command("go", append(args, "../../cmd/gophersnake")...).CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return nil
}

// plainProgram is the program as users have it: the race detector never gives
// memory back.
var plainProgram = sync.OnceValues(func() (string, error) {
	if len(buildFlags) == 0 {
		return program, nil
	}
	path := program + "-plain"
	return path, build(path)
})
