package procfs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const tail = " S 7 5 5 0 -1 4194304 100 0 0 0 250 50 9 9 20 0 1 0 12345 0 0"
	want := stat{parent: 7, group: 5, cpu: 3 * time.Second}
	for _, command := range []string{"(python3)", "(a b)", "(evil) S 1 1)", "(new\nline)"} {
		got, err := parseStat("42 " + command + tail)
		if err != nil || got != want {
			t.Errorf("parseStat of %q: %+v, %v; want %+v", command, got, err, want)
		}
	}
	for _, line := range []string{"", "42 python3 S 7", "42 (python3) S 7 5", "42 (x) S a 5 5 0 -1 0 0 0 0 0 1 1 0"} {
		if got, err := parseStat(line); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", line, got)
		}
	}
}

func TestParseSchedstat(t *testing.T) {
	for line, want := range map[string]time.Duration{
		"1032565851 353394 31\n": 1032565851,
		"0 0 1":                  0,
		"":                       0,
		"none at all":            0,
	} {
		if got := parseSchedstat(line); got != want {
			t.Errorf("parseSchedstat(%q) = %d, want %d", line, got, want)
		}
	}
}

func TestParseKilobytes(t *testing.T) {
	const text = "560f5ad94000-7fff7fac9000 ---p 00000000 00:00 0  [rollup]\nRss:     1752 kB\nPss:      411 kB\nPss_Dirty: 112 kB\nBad:\n"
	for key, want := range map[string]int64{"Rss:": 1752 * 1024, "Pss:": 411 * 1024, "Bad:": 0, "None:": 0} {
		if got := parseKilobytes(text, key); got != want {
			t.Errorf("parseKilobytes(%q) = %d, want %d", key, got, want)
		}
	}
}

// fake is a proc file system in a directory.
type fake struct {
	t   *testing.T
	dir string
}

func (f fake) process(pid, parent, group, ticks int, threads ...int) {
	f.write(pid, "stat", fmt.Sprintf("%d (server) S %d %d 1 0 -1 0 0 0 0 0 %d 0 0 0", pid, parent, group, ticks))
	f.write(pid, "smaps_rollup", "Rss: 100 kB\nPss: 60 kB\n")
	f.write(pid, "fd/0", "")
	f.write(pid, "fd/1", "")
	for i, nanoseconds := range threads {
		f.write(pid, fmt.Sprintf("task/%d/schedstat", pid+i), fmt.Sprintf("%d 0 1\n", nanoseconds))
	}
}

func (f fake) write(pid int, name, content string) {
	f.t.Helper()
	path := filepath.Join(f.dir, strconv.Itoa(pid), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func TestTree(t *testing.T) {
	f := fake{t, t.TempDir()}
	f.process(1, 0, 1, 0)
	f.process(10, 1, 10, 0)  // the server
	f.process(11, 10, 10, 0) // its child
	f.process(12, 11, 12, 0) // a grandchild with a group of its own
	f.process(13, 1, 10, 0)  // an orphan of the group
	f.process(20, 1, 20, 0)  // a stranger
	f.write(21, "stat", "")  // one that has just ended
	got, err := FS(f.dir).Tree(10)
	if want := []int{10, 11, 12, 13}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Tree(10) = %v, %v; want %v", got, err, want)
	}
	if got, err := FS(f.dir).Tree(99); err == nil {
		t.Errorf("Tree(99) = %v, want an error", got)
	}
}

func TestTreeCircle(t *testing.T) {
	f := fake{t, t.TempDir()}
	f.process(10, 1, 10, 0)
	f.process(30, 31, 30, 0)
	f.process(31, 30, 31, 0)
	if got, err := FS(f.dir).Tree(10); err != nil || !slices.Equal(got, []int{10}) {
		t.Errorf("Tree(10) = %v, %v; want [10]", got, err)
	}
}

func TestSnapshotAndUsage(t *testing.T) {
	f := fake{t, t.TempDir()}
	f.process(10, 1, 10, 5, 40e6, 2e6)
	f.process(11, 10, 10, 7, 70e6)
	fs := FS(f.dir)
	got, err := fs.Snapshot(10)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Process{PID: 10, Ticks: 50 * time.Millisecond, Precise: 42 * time.Millisecond}); got[10] != want {
		t.Errorf("process 10: %+v, want %+v", got[10], want)
	}
	want := Usage{Resident: 200 * 1024, Proportional: 120 * 1024, Files: 4, Threads: 3}
	if got := fs.Usage([]int{10, 11, 99}); got != want {
		t.Errorf("Usage: %+v, want %+v", got, want)
	}
}

func TestSince(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name          string
		before, after Snapshot
		used          time.Duration
		ended         int
	}{
		{"nanoseconds win over ticks",
			Snapshot{1: {1, 10 * ms, 11 * ms}}, Snapshot{1: {1, 130 * ms, 117 * ms}}, 106 * ms, 0},
		{"a thread has ended: the ticks know",
			Snapshot{1: {1, 500 * ms, 505 * ms}}, Snapshot{1: {1, 1500 * ms, 900 * ms}}, 1000 * ms, 0},
		{"a kernel that counts no nanoseconds",
			Snapshot{1: {1, 100 * ms, 0}}, Snapshot{1: {1, 700 * ms, 0}}, 600 * ms, 0},
		{"a new process counts whole, an ended one is told",
			Snapshot{1: {1, 0, 0}, 2: {2, 0, 0}}, Snapshot{1: {1, 0, 5 * ms}, 3: {3, 10 * ms, 7 * ms}}, 12 * ms, 1},
	}
	for _, test := range tests {
		used, ended := test.after.Since(test.before)
		if used != test.used || ended != test.ended {
			t.Errorf("%s: %v, %d ended; want %v, %d", test.name, used, ended, test.used, test.ended)
		}
	}
}

// TestOwnProcess holds the parsers against the kernel's own files.
func TestOwnProcess(t *testing.T) {
	pid := os.Getpid()
	before, err := Proc.Snapshot(pid)
	if err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 100*time.Millisecond; {
	}
	after, err := Proc.Snapshot(pid)
	if err != nil {
		t.Fatal(err)
	}
	if used, _ := after.Since(before); used <= 0 || used > 10*time.Second {
		t.Errorf("100 ms of work used %v", used)
	}
	if u := Proc.Usage([]int{pid}); u.Resident <= 0 || u.Proportional <= 0 || u.Files < 3 || u.Threads < 1 {
		t.Errorf("Usage: %+v", u)
	}
}
