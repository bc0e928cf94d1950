package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/gophersnake/gophersnake/bench/launch"
)

const tableHead = "| mode | process | before MB | after MB | KB per connection | descriptors | their limit |\n" +
	"|---|---|---:|---:|---:|---:|---:|\n"

// head is the paragraph over the table.
func (o *options) head() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		release = []byte("of unknown version")
	}
	return fmt.Sprintf("%s; Linux %s; %s. %d connections, one request over each, read %v after the last.\n"+
		"Daemon mode: %d x %d. Started with a soft limit of %d descriptors.\n\n",
		time.Now().UTC().Format("2006-01-02"), strings.TrimSpace(string(release)), strings.Replace(runtime.Version(), "go", "Go ", 1),
		o.connections, o.rest, o.processes, o.threads, o.files)
}

// render writes a line for each process that is there before and after.
func render(findings []finding, connections int) string {
	var text strings.Builder
	text.WriteString(tableHead)
	for _, f := range findings {
		for _, after := range f.after {
			before, ok := find(f.before, after.PID)
			if !ok {
				fmt.Fprintf(&text, "| %s | %s | - | %.1f | - | %d | %s |\n", f.mode, after.Role, megabytes(after.Resident), after.Files, f.limit(after.PID))
				continue
			}
			fmt.Fprintf(&text, "| %s | %s | %.1f | %.1f | %.1f | %d | %s |\n", f.mode, after.Role, megabytes(before.Resident),
				megabytes(after.Resident), float64(after.Resident-before.Resident)/1024/float64(connections), after.Files, f.limit(after.PID))
		}
	}
	return text.String()
}

// limit is the soft limit of descriptors, and the hard one when it is another.
func (f finding) limit(pid int) string {
	limits := f.limits[pid]
	if limits[0] == limits[1] {
		return limits[0]
	}
	return limits[0] + " of " + limits[1]
}

func find(processes []launch.Process, pid int) (launch.Process, bool) {
	for _, p := range processes {
		if p.PID == pid {
			return p, true
		}
	}
	return launch.Process{}, false
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
