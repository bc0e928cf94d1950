package main

import (
	"fmt"
	"strings"

	"github.com/gophersnake/gophersnake/bench/launch"
)

// A verdict compares the reading after the warm-up with the last one.
type verdict struct {
	baseline, last reading
	clean          bool    // the server ended by itself when asked
	left           reading // what still runs after that
}

func (v verdict) passed(growth float64) bool { return len(v.complaints(growth)) == 0 }

// complaints are what is wrong, in words.
func (v verdict) complaints(growth float64) []string {
	var found []string
	complain := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if len(v.baseline) == 0 {
		complain("no process was seen")
	}
	for _, before := range v.baseline {
		after, ok := v.last.find(before)
		switch {
		case !ok:
			complain("%s %d has ended", before.Role, before.PID)
		case before.Resident == 0 || before.Files == 0 || after.Resident == 0: // zeros would look like a success
			complain("/proc does not show memory or descriptors of %s %d to this user", before.Role, before.PID)
		case grown(before, after) > growth:
			complain("memory of %s %d has grown by %.1f MB, allowed are %.1f", before.Role, before.PID, grown(before, after), growth)
		case after.Files != before.Files:
			complain("descriptors of %s %d went from %d to %d", before.Role, before.PID, before.Files, after.Files)
		}
	}
	for _, after := range v.last {
		if _, ok := v.baseline.find(after); !ok {
			complain("%s %d has come", after.Role, after.PID)
		}
	}
	if !v.clean {
		complain("the server did not end when asked, and was killed")
	}
	for _, p := range v.left {
		complain("%s %d still ran when the server had ended", p.Role, p.PID)
	}
	return found
}

// grown is the growth of the resident memory in MB.
func grown(before, after launch.Process) float64 { return megabytes(after.Resident - before.Resident) }

// text is PASS, or FAIL with all complaints, and a line for each process.
func (v verdict) text(growth float64) string {
	var text strings.Builder
	for _, before := range v.baseline {
		if after, ok := v.last.find(before); ok {
			fmt.Fprintf(&text, "%s %d: resident memory %.1f to %.1f MB (%+.1f, allowed %+.1f); descriptors %d to %d; threads %d to %d\n",
				before.Role, before.PID, megabytes(before.Resident), megabytes(after.Resident), grown(before, after), growth,
				before.Files, after.Files, before.Threads, after.Threads)
		}
	}
	for _, complaint := range v.complaints(growth) {
		fmt.Fprintf(&text, "FAIL: %s\n", complaint)
	}
	if v.passed(growth) {
		text.WriteString("PASS\n")
	}
	return text.String()
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
