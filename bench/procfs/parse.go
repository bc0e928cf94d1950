package procfs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// stat is the part of /proc/PID/stat that is used here.
type stat struct {
	parent, group int
	cpu           time.Duration
	waited        time.Duration // of its children, and theirs, that have ended and were waited for
}

// Positions in /proc/PID/stat after the command's closing parenthesis.
const (
	fieldParent         = 1
	fieldGroup          = 2
	fieldUser           = 11
	fieldSystem         = 12
	fieldChildrenUser   = 13
	fieldChildrenSystem = 14
)

// parseStat reads a line of /proc/PID/stat. The command's name is in parentheses and may itself hold parentheses,
// spaces and newlines: what counts begins after the last one.
func parseStat(line string) (stat, error) {
	end := strings.LastIndexByte(line, ')')
	if end < 0 {
		return stat{}, fmt.Errorf("parse process state: no command in %q", line)
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) <= fieldChildrenSystem {
		return stat{}, fmt.Errorf("parse process state: %d fields in %q", len(fields), line)
	}
	var numbers [6]int64
	for i, position := range [6]int{fieldParent, fieldGroup, fieldUser, fieldSystem, fieldChildrenUser, fieldChildrenSystem} {
		n, err := strconv.ParseInt(fields[position], 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("parse process state: %w", err)
		}
		numbers[i] = n
	}
	return stat{
		parent: int(numbers[0]),
		group:  int(numbers[1]),
		cpu:    time.Duration(numbers[2]+numbers[3]) * tick,
		waited: time.Duration(numbers[4]+numbers[5]) * tick,
	}, nil
}

// parseSchedstat reads the first number of a schedstat file: nanoseconds on a processor. 0 when it is none.
func parseSchedstat(line string) time.Duration {
	first, _, _ := strings.Cut(line, " ")
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n)
}

// parseKilobytes finds the line that begins with key in a smaps or status file and returns its figure in bytes,
// 0 when there is none.
func parseKilobytes(text, key string) int64 {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != key {
			continue
		}
		n, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return 0
		}
		return n * 1024
	}
	return 0
}

// parseFilesLimit reads the limits on open descriptors in a limits file; both are "" when there are none. A limit is a
// number or "unlimited".
func parseFilesLimit(text string) (soft, hard string) {
	for line := range strings.Lines(text) {
		if values, ok := strings.CutPrefix(line, "Max open files"); ok {
			if fields := strings.Fields(values); len(fields) >= 2 {
				return fields[0], fields[1]
			}
		}
	}
	return "", ""
}
