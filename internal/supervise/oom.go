package supervise

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// claimTime is how long after the kernel has killed somebody in a cgroup the
// end of a process there may be that.
const claimTime = 15 * time.Second

// OOM finds out that the kernel has killed a process for lack of memory, by the
// counters of its cgroup: memory.events (version 2) or memory.oom_control
// (version 1). A kill is attributed to one process only, so groups share one.
// What the system does not have is no error: nothing is found out then. It is
// safe for concurrent use.
type OOM struct {
	root string // of the file system, "/" but in tests

	mu       sync.Mutex
	counters map[string]*oomCounter // by file
}

// oomCounter is one cgroup's.
type oomCounter struct {
	cgroup string
	seen   uint64
	kills  []time.Time // seen at, and not attributed
}

// NewOOM returns one that reads /proc and /sys below root, usually "/".
func NewOOM(root string) *OOM {
	return &OOM{root: root, counters: map[string]*oomCounter{}}
}

// Watch begins to watch the cgroup of a process that has just been started. It
// returns the name by which Claim knows it, "" if there is nothing to watch.
func (o *OOM) Watch(pid int, now time.Time) (name string) {
	text, err := os.ReadFile(filepath.Join(o.root, "proc", strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return ""
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range candidates(string(text)) {
		file := filepath.Join(o.root, c.file)
		n, ok := readKills(file)
		if !ok {
			continue
		}
		if known := o.counters[file]; known != nil {
			known.update(n, now)
		} else {
			o.counters[file] = &oomCounter{cgroup: c.cgroup, seen: n}
		}
		return file
	}
	return ""
}

// Look reads all counters. It is called every few seconds, so that a kill in
// the past is not taken for the end of a process now.
func (o *OOM) Look(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for file, c := range o.counters {
		if n, ok := readKills(file); ok {
			c.update(n, now)
		} else {
			delete(o.counters, file) // the cgroup is no more
		}
	}
}

// Explain says that a process, watched under that name, was killed because
// memory ran out; "" if it was not, as far as can be known. It claims the kill,
// so that it is called once for each process. resident is what its memory was
// when last looked, 0 if nobody has. A nil OOM knows nothing.
func (o *OOM) Explain(name string, e Exit, resident int64, now time.Time) string {
	if o == nil || e.Signal != syscall.SIGKILL {
		return ""
	}
	evidence := o.Claim(name, now)
	if evidence == "" {
		return ""
	}
	return fmt.Sprintf("killed by the kernel because memory ran out (%s)%s", evidence, figures(resident, e.MaxRSS))
}

// Claim is called when a process watched under that name was killed. If the
// kernel has killed one there lately, it returns the evidence, and that kill is
// attributed; otherwise "".
func (o *OOM) Claim(name string, now time.Time) (evidence string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.counters[name]
	if c == nil {
		return ""
	}
	if n, ok := readKills(name); ok {
		c.update(n, now)
	}
	if len(c.kills) == 0 {
		return ""
	}
	c.kills = c.kills[1:]
	return fmt.Sprintf("oom_kill in %s of cgroup %s grew", path.Base(name), c.cgroup)
}

// update takes a new count, and forgets what is too long ago.
func (c *oomCounter) update(n uint64, now time.Time) {
	for len(c.kills) > 0 && now.Sub(c.kills[0]) > claimTime {
		c.kills = c.kills[1:]
	}
	for ; c.seen < n && len(c.kills) < 100; c.seen++ {
		c.kills = append(c.kills, now)
	}
	c.seen = n
}

// candidate is a file that may have the counter of a cgroup.
type candidate struct{ cgroup, file string }

// candidates returns what may be the files for a process whose /proc/PID/cgroup
// is text: version 2 first, and, since a container may show only a part of the
// tree, also those of the cgroups above.
func candidates(text string) []candidate {
	var v1, v2 []candidate
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for _, dir := range upwards(parts[2]) {
			switch {
			case parts[0] == "0" && parts[1] == "":
				v2 = append(v2, candidate{dir, path.Join("sys/fs/cgroup", dir, "memory.events")},
					candidate{dir, path.Join("sys/fs/cgroup/unified", dir, "memory.events")})
			case hasMemory(parts[1]):
				v1 = append(v1, candidate{dir, path.Join("sys/fs/cgroup/memory", dir, "memory.oom_control")})
			}
		}
	}
	return append(v2, v1...)
}

func hasMemory(controllers string) bool {
	for c := range strings.SplitSeq(controllers, ",") {
		if c == "memory" {
			return true
		}
	}
	return false
}

// upwards returns dir and those above it.
func upwards(dir string) []string {
	dir = path.Clean("/" + dir)
	dirs := []string{dir}
	for dir != "/" {
		dir = path.Dir(dir)
		dirs = append(dirs, dir)
	}
	return dirs
}

// readKills reads the line "oom_kill N" of a file.
func readKills(file string) (n uint64, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), "oom_kill "); found {
			n, err := strconv.ParseUint(value, 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
