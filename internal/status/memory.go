package status

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Resident returns the bytes of memory that a process holds, pages shared with
// others included. It costs one read from /proc, which an account may do for
// any process unless /proc is mounted so that it hides them. The error of a process that has ended is an fs.ErrNotExist.
func Resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory of process %d: %w", pid, err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("read memory of process %d: unexpected statm %q", pid, text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read memory of process %d: %w", pid, err)
	}
	return pages * int64(os.Getpagesize()), nil
}
