// Package nobody helps tests about files that an account cannot read: it runs a
// test as an account without rights, and makes directories that every account
// can enter. It knows processes and files, and nothing of what is tested.
package nobody

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// id is the number of the account without rights and of its group.
const id = 65534

// Again returns false when this process has no special rights: then the test
// goes on. As root it runs the test in a process of its own without rights,
// fails if that fails, and returns true.
func Again(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return false
	}
	// The program itself lies in a directory that only root can enter.
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("without rights: %v\n%s", err, out)
	}
	return true
}

// Dir returns a new directory that every account can list and enter, and that is
// removed with the test. The test fails where there can be none, because
// temporary directories are private.
func Dir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nobody")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for above := dir; above != filepath.Dir(above); {
		above = filepath.Dir(above)
		info, err := os.Stat(above)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o001 == 0 {
			t.Fatalf("%s is private (%v); set TMPDIR to a directory that everyone can enter", above, info.Mode())
		}
	}
	return dir
}
