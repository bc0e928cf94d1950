// Package apps carries the WSGI applications and the wrk script of the measurements, the same files for every
// server. It knows nothing of servers or of measuring.
package apps

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed *.py *.lua
var files embed.FS

// NewDirectory makes a temporary directory that everybody can read, with the files in it. The caller removes it.
func NewDirectory() (string, error) {
	dir, err := os.MkdirTemp("", "gophersnake-bench-")
	if err != nil {
		return "", fmt.Errorf("make working directory: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // whatever the umask
		_ = os.RemoveAll(dir) // err is what matters
		return "", fmt.Errorf("open working directory: %w", err)
	}
	if err := WriteTo(dir); err != nil {
		_ = os.RemoveAll(dir)
		return "", err
	}
	return dir, nil
}

// WriteTo puts the files into dir, readable by everybody: servers that start as root drop to another user.
// dir must exist.
func WriteTo(dir string) error {
	entries, err := files.ReadDir(".")
	if err != nil {
		return fmt.Errorf("list the applications: %w", err)
	}
	for _, entry := range entries {
		content, err := files.ReadFile(entry.Name())
		if err != nil {
			return fmt.Errorf("read application: %w", err)
		}
		if err := writePublic(filepath.Join(dir, entry.Name()), content); err != nil {
			return err
		}
	}
	return nil
}

// writePublic does not leave the mode to the umask.
func writePublic(path string, content []byte) error {
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return fmt.Errorf("write application: %w", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		return fmt.Errorf("open application to everybody: %w", err)
	}
	return nil
}
