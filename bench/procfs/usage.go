package procfs

import (
	"os"
	"strings"
)

// Usage is what processes hold.
type Usage struct {
	Resident     int64 // bytes, pages shared by several processes counted in each
	Proportional int64 // bytes, a page shared by n processes counted as 1/n in each
	Files        int   // open descriptors
	Threads      int
}

// Usage sums over pids. A process that has ended, or may not be looked at, adds nothing.
func (fs FS) Usage(pids []int) Usage {
	var sum Usage
	for _, pid := range pids {
		rollup, _ := os.ReadFile(fs.path(pid, "smaps_rollup"))
		sum.Resident += parseKilobytes(string(rollup), "Rss:")
		sum.Proportional += parseKilobytes(string(rollup), "Pss:")
		sum.Files += fs.count(pid, "fd")
		sum.Threads += fs.count(pid, "task")
	}
	return sum
}

func (fs FS) count(pid int, directory string) int {
	entries, _ := os.ReadDir(fs.path(pid, directory))
	return len(entries)
}

// Command is the command line of pid; nil for a process that has ended, or is one of the kernel.
func (fs FS) Command(pid int) []string {
	text, _ := os.ReadFile(fs.path(pid, "cmdline"))
	line := strings.TrimRight(string(text), "\x00")
	if line == "" {
		return nil
	}
	return strings.Split(line, "\x00")
}

// FilesLimit returns the limits on open descriptors of pid, each a number or "unlimited"; "" when they cannot be read.
func (fs FS) FilesLimit(pid int) (soft, hard string) {
	text, _ := os.ReadFile(fs.path(pid, "limits"))
	return parseFilesLimit(string(text))
}
