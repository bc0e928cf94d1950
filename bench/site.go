package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gophersnake/gophersnake/bench/apps"
	"github.com/gophersnake/gophersnake/bench/launch"
)

//go:embed setup.sh
var setupScript []byte

//go:embed requirements.txt
var requirements []byte

// A site is the places and programs of one run.
type site struct {
	work          string // made for this run; holds configurations and logs
	apps          string // the applications, readable by everybody
	venv          string
	gophersnake   string
	pythonVersion string // as in 3.11
	root          bool
	floor         string // the program, once it is built
}

// newSite makes the places and installs what is missing. What cannot be installed is not an error here: each peer
// says what it lacks.
func newSite(ctx context.Context, o options, stderr io.Writer) (*site, error) {
	work, err := os.MkdirTemp("", "gophersnake-bench-")
	if err != nil {
		return nil, fmt.Errorf("make working directory: %w", err)
	}
	s := &site{work: work, apps: filepath.Join(work, "apps"), root: os.Geteuid() == 0}
	if err := s.prepare(ctx, o, stderr); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func (s *site) prepare(ctx context.Context, o options, stderr io.Writer) error {
	var err error
	if s.venv, err = filepath.Abs(o.venv); err != nil {
		return fmt.Errorf("find virtual environment: %w", err)
	}
	if s.gophersnake, err = filepath.Abs(o.gophersnake); err != nil {
		return fmt.Errorf("find gophersnake: %w", err)
	}
	if err := os.Mkdir(s.apps, 0o755); err != nil {
		return fmt.Errorf("make working directory: %w", err)
	}
	for _, dir := range []string{s.work, s.apps} { // whatever the umask
		if err := os.Chmod(dir, 0o755); err != nil {
			return fmt.Errorf("open working directory: %w", err)
		}
	}
	if err := apps.WriteTo(s.apps); err != nil {
		return err
	}
	if o.setup {
		if err := s.setup(ctx, o.python, stderr); err != nil {
			fmt.Fprintln(stderr, "bench: setup:", err)
		}
	}
	if _, err := exec.LookPath("wrk"); err != nil {
		return fmt.Errorf("find the load generator: %w", err)
	}
	s.pythonVersion, err = output(ctx, s.venvProgram("python"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
	if err != nil {
		return fmt.Errorf("ask the Python of %s for its version: %w", s.venv, err)
	}
	return nil
}

// setup runs setup.sh, which is part of this program so that the working directory does not matter.
func (s *site) setup(ctx context.Context, python string, stderr io.Writer) error {
	script, list := filepath.Join(s.work, "setup.sh"), filepath.Join(s.work, "requirements.txt")
	if err := os.WriteFile(script, setupScript, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(list, requirements, 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", script, s.venv, python, list)
	cmd.Stdout, cmd.Stderr = stderr, stderr
	return cmd.Run()
}

func (s *site) remove() { _ = os.RemoveAll(s.work) } // a temporary directory: nothing to tell

func (s *site) venvProgram(name string) string { return filepath.Join(s.venv, "bin", name) }

// buildFloor builds bench/floor at its first call.
func (s *site) buildFloor() (string, error) {
	if s.floor != "" {
		return s.floor, nil
	}
	program := filepath.Join(s.work, "floor")
	built, err := exec.Command("go", "build", "-o", program, "github.com/gophersnake/gophersnake/bench/floor").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the floor: %w\n%s", err, built)
	}
	s.floor = program
	return program, nil
}

// closedToServers says why servers that drop to another user could not read the virtual environment; nil when they
// can, or do not drop.
func (s *site) closedToServers() error {
	if !s.root {
		return nil
	}
	python, err := filepath.EvalSymlinks(s.venvProgram("python"))
	if err != nil {
		return fmt.Errorf("find the Python of the virtual environment: %w", err)
	}
	for _, path := range []string{s.venv, python, s.apps} {
		if dir := closedAbove(path); dir != "" {
			return fmt.Errorf("%s is closed to %s: choose another -venv or -python", dir, launch.ServerUser)
		}
	}
	return nil
}

// closedAbove returns the first directory above path, or path itself, that others may not enter or read; "" when
// there is none.
func closedAbove(path string) string {
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// output runs a program and returns what it prints, without the last newline.
func output(ctx context.Context, program string, args ...string) (string, error) {
	text, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return "", fmt.Errorf("run %s: %w", program, err)
	}
	return strings.TrimSpace(string(text)), nil
}
