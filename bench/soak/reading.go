package main

import (
	"fmt"
	"io"
	"time"

	"github.com/gophersnake/gophersnake/bench/launch"
)

// A reading is all processes of the server at one moment, by process id.
type reading []launch.Process

// files are the descriptors of all processes.
func (r reading) files() int {
	sum := 0
	for _, p := range r {
		sum += p.Files
	}
	return sum
}

// find returns the process with the id and role of another reading.
func (r reading) find(of launch.Process) (launch.Process, bool) {
	for _, p := range r {
		if p.PID == of.PID && p.Role == of.Role {
			return p, true
		}
	}
	return launch.Process{}, false
}

// left are the processes that still run.
func (r reading) left() reading {
	var left reading
	for _, p := range r {
		if p.Runs() {
			left = append(left, p)
		}
	}
	return left
}

// print writes a line for each process.
func (r reading) print(w io.Writer, when string, start time.Time) {
	for _, p := range r {
		fmt.Fprintf(w, "%-14s %-6s %7.1f MB resident, %3d descriptors, %3d threads, %4.0f s\n",
			when, p.Role, megabytes(p.Resident), p.Files, p.Threads, time.Since(start).Seconds())
		when = ""
	}
}
