package supervise

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestResidentAsTheKernelTells compares with what the kernel tells of a process at rest.
func TestResidentAsTheKernelTells(t *testing.T) {
	cmd := exec.Command("/bin/cat")
	stdin, inErr := cmd.StdinPipe()
	stdout, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	_, writeErr := io.WriteString(stdin, "x")
	_, readErr := io.ReadFull(stdout, make([]byte, 1)) // now it waits for more
	got, err := Resident(cmd.Process.Pid)
	text, statusErr := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err := errors.Join(writeErr, readErr, err, statusErr); err != nil {
		t.Error(err)
	}
	if want := fmt.Sprintf("VmRSS:\t%8d kB\n", got>>10); got == 0 || !strings.Contains(string(text), want) {
		t.Errorf("%d bytes; no %q in\n%s", got, want, text)
	}
	if err := errors.Join(stdin.Close(), cmd.Wait()); err != nil {
		t.Error(err)
	}
	if _, err := Resident(cmd.Process.Pid); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a process that has ended: %v", err)
	}
}
