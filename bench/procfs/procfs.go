// Package procfs reads from /proc what a server costs: processor time, memory, descriptors, threads of all its
// processes. It knows nothing of what the processes do, and never signals one.
package procfs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// FS is a mounted proc file system. Its methods may be called by several goroutines.
type FS string

// Proc is the usual mount.
const Proc FS = "/proc"

// tick is the unit of /proc/PID/stat: USER_HZ is 100 on every architecture Go knows.
const tick = time.Second / 100

// A Process is one process at one moment.
type Process struct {
	PID     int
	Ticks   time.Duration // user+system of all its threads, ended ones too, in steps of 10 ms
	Precise time.Duration // of its living threads, in nanoseconds; 0 when the kernel does not count them
	Waited  time.Duration // user+system of descendants that have ended and were waited for, in steps of 10 ms
}

// A Snapshot is the processes of a server at one moment, by process id.
type Snapshot map[int]Process

// Tree returns root, its descendants, and what else is in the process group that root leads. Processes that end
// while it reads are left out; it is an error when root is not there.
func (fs FS) Tree(root int) ([]int, error) {
	stats, err := fs.allStats()
	if err != nil {
		return nil, err
	}
	if _, ok := stats[root]; !ok {
		return nil, fmt.Errorf("find processes: no process %d", root)
	}
	var pids []int
	for pid, s := range stats {
		if s.group == root || descends(stats, pid, root) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// descends reports whether pid is root or below it. The steps are bounded: the table is read while it changes, and
// a reused id could close a circle.
func descends(stats map[int]stat, pid, root int) bool {
	for range len(stats) {
		if pid == root {
			return true
		}
		s, ok := stats[pid]
		if !ok {
			return false
		}
		pid = s.parent
	}
	return false
}

func (fs FS) allStats() (map[int]stat, error) {
	entries, err := os.ReadDir(string(fs))
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	stats := make(map[int]stat)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if s, err := fs.stat(pid); err == nil {
			stats[pid] = s
		}
	}
	return stats, nil
}

func (fs FS) stat(pid int) (stat, error) {
	line, err := os.ReadFile(fs.path(pid, "stat"))
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(line))
}

// Snapshot reads the processor time of the processes of Tree(root).
func (fs FS) Snapshot(root int) (Snapshot, error) {
	pids, err := fs.Tree(root)
	if err != nil {
		return nil, err
	}
	snapshot := make(Snapshot, len(pids))
	for _, pid := range pids {
		s, err := fs.stat(pid)
		if err != nil {
			continue
		}
		snapshot[pid] = Process{PID: pid, Ticks: s.cpu, Precise: fs.scheduled(pid), Waited: s.waited}
	}
	return snapshot, nil
}

// scheduled is the time the living threads of pid have run, 0 when unknown.
func (fs FS) scheduled(pid int) time.Duration {
	tasks, err := filepath.Glob(fs.path(pid, "task/*/schedstat"))
	if err != nil {
		return 0
	}
	var sum time.Duration
	for _, task := range tasks {
		line, err := os.ReadFile(task)
		if err != nil {
			continue
		}
		sum += parseSchedstat(string(line))
	}
	return sum
}

func (fs FS) path(pid int, name string) string {
	return filepath.Join(string(fs), strconv.Itoa(pid), name)
}

// Spent is the processor time between two snapshots.
type Spent struct {
	CPU   time.Duration
	Ended int  // processes of the first snapshot that are not in the second
	Lost  bool // nobody of the second waited for them: their time is not in CPU
}

// Since returns the processor time used since before: by those that live, by those that came between, and by those
// that ended, as far as a process of s has waited for them.
func (s Snapshot) Since(before Snapshot) Spent {
	var spent Spent
	var ended time.Duration // what those that ended used from before on
	for pid, now := range s {
		spent.CPU += now.since(before[pid])
		ended += now.Waited
	}
	for pid, then := range before {
		ended -= then.Waited
		if _, ok := s[pid]; !ok {
			ended -= then.Ticks
			spent.Ended++
		}
	}
	spent.CPU += max(0, ended)
	spent.Lost = spent.Ended > 0 && ended < -rounding
	return spent
}

// rounding is how far sums of ticks may be from the truth without a meaning.
const rounding = 5 * tick

// since prefers the nanoseconds. They miss the threads that ended meanwhile, the ticks do not: when the ticks show
// clearly more than their own rounding, they count.
func (p Process) since(before Process) time.Duration {
	precise := p.Precise - before.Precise
	coarse := p.Ticks - before.Ticks
	if coarse-precise > rounding {
		return coarse
	}
	return precise
}
