package confine

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/test/nobody"
)

// neededMask is needed as the kernel shows it.
func neededMask() string {
	var mask uint64
	for _, c := range needed {
		mask |= 1 << c
	}
	return fmt.Sprintf("%016x", mask)
}

// checkStatus wants lines in the status of all threads of a child.
func (c child) checkStatus(t *testing.T, lines ...string) {
	t.Helper()
	for i, status := range c.threads(t, "status") {
		for _, line := range lines {
			if !strings.Contains(status, strings.Replace(line, " ", ":\t", 1)+"\n") {
				t.Errorf("status of thread %d lacks %q:\n%s", i, line, status)
			}
		}
	}
}

// TestLeastRights: what is left is all that a plan needs, and the name of the
// program stays.
func TestLeastRights(t *testing.T) {
	needRoot(t)
	none := strings.Repeat("0", 16)
	c := start(t, Plan{}, []string{"gophersnake", "argument"}, leastFor+"=1")
	c.checkStatus(t, "CapInh "+none, "CapPrm "+neededMask(), "CapEff "+neededMask(), "CapBnd "+neededMask(), "CapAmb "+none, "NoNewPrivs 1")
	if got := c.proc(t, "comm"); got != "gophersnake\n" || strings.Join(c.Args, " ") != "gophersnake argument" {
		t.Errorf("comm %q, arguments %q", got, c.Args)
	}
	root := nobody.Dir(t)
	c = start(t, Plan{Priority: -3, Chroot: root, Account: first()}, nil, leastFor+"=1")
	c.checkStatus(t, "CapPrm "+none, "CapEff "+none, "CapAmb "+none, "NoNewPrivs 1")
	for i, stat := range c.threads(t, "stat") {
		if fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:]); fields[19-3] != "-3" {
			t.Errorf("thread %d has nice value %s", i, fields[19-3])
		}
	}
}

// TestLeastRightsOfOthers: who is not root keeps what it has.
func TestLeastRightsOfOthers(t *testing.T) {
	if nobody.Again(t) {
		return
	}
	c := start(t, Plan{}, nil, leastFor+"=1")
	own, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(own)) {
		if strings.HasPrefix(line, "CapBnd:") || strings.HasPrefix(line, "NoNewPrivs:") {
			c.checkStatus(t, strings.Replace(strings.TrimSpace(line), ":\t", " ", 1))
		}
	}
}
