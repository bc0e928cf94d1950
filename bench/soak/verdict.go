package main

import (
	"fmt"

	"github.com/gophersnake/gophersnake/bench/procfs"
)

// A verdict compares the reading after the warm-up with the last one.
type verdict struct {
	baseline, last procfs.Usage
	clean          bool // the server ended by itself when asked
}

// grown is the growth of the resident memory in MB.
func (v verdict) grown() float64 { return megabytes(v.last.Resident - v.baseline.Resident) }

func (v verdict) passed(growth float64) bool {
	return v.readable() && v.clean && v.grown() <= growth && v.last.Files == v.baseline.Files
}

// readable is false when /proc hid the figures: zeros would look like a success.
func (v verdict) readable() bool { return v.baseline.Resident > 0 && v.baseline.Files > 0 }

func (v verdict) text(growth float64) string {
	word := "FAIL"
	if v.passed(growth) {
		word = "PASS"
	}
	text := fmt.Sprintf("%s: resident memory %.1f to %.1f MB (%+.1f, allowed %+.1f); descriptors %d to %d; threads %d to %d\n",
		word, megabytes(v.baseline.Resident), megabytes(v.last.Resident), v.grown(), growth,
		v.baseline.Files, v.last.Files, v.baseline.Threads, v.last.Threads)
	if !v.readable() {
		text += "FAIL: /proc does not show the server's memory or descriptors to this user\n"
	}
	if !v.clean {
		text += "FAIL: the server did not end when asked, and was killed\n"
	}
	return text
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
