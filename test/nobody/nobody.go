// Package nobody runs a test as an account without rights, for tests about
// files that cannot be read. It knows processes and nothing of what is tested.
package nobody

import (
	"os"
	"os/exec"
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
