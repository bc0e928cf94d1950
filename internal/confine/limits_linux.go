package confine

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// checkRoom refuses limits of memory that the process is above already: it
// would fail later, at whatever needs memory next.
func checkRoom(p Plan) error {
	for _, l := range []struct {
		option, field string
		limit         int64
	}{
		{"memory-limit", "VmData", p.Data},
		{"virtual-memory-limit", "VmSize", p.AddressSpace},
	} {
		if l.limit == 0 {
			continue
		}
		used, err := memory(l.field)
		if err != nil {
			return &StepError{l.option, "find out how much memory is used", err, "mount /proc or leave " + l.option + " out"}
		}
		if used >= l.limit {
			return &StepError{l.option, fmt.Sprintf("limit memory to %d bytes", l.limit),
				fmt.Errorf("the process has %d before Python starts", used),
				fmt.Sprintf("give %s more than that, and add what the application needs", l.option)}
		}
	}
	return nil
}

// memory reads a figure of /proc/self/status, in bytes.
func memory(field string) (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if words := strings.Fields(value); name == field && len(words) == 2 && words[1] == "kB" {
			n, err := strconv.ParseInt(words[0], 10, 54)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", field)
}

func limitCPUTime(p Plan) error {
	if p.CPUTime == 0 {
		return nil
	}
	soft, hard := uint64(p.CPUTime/time.Second), uint64(p.CPUKill()/time.Second)
	if p.CPUGrace.None() {
		var now unix.Rlimit
		if err := unix.Prlimit(0, unix.RLIMIT_CPU, nil, &now); err != nil {
			return &StepError{"cpu-time-limit", "read the limit of processor time", err, "leave cpu-time-limit out"}
		}
		hard = max(soft, now.Max) // soft only if that is refused
	}
	return limit("cpu-time-limit", unix.RLIMIT_CPU, soft, hard)
}

// CPUKill is the processor time at which the kernel kills the process because the
// plan says so, in whole seconds; 0 if it does not.
func (p Plan) CPUKill() time.Duration {
	if p.CPUTime == 0 || p.CPUGrace.None() {
		return 0
	}
	return p.CPUTime.Truncate(time.Second) + time.Second + time.Duration(p.CPUGrace).Truncate(time.Second)
}

func limitData(p Plan) error {
	if p.Data == 0 {
		return nil
	}
	return limit("memory-limit", unix.RLIMIT_DATA, uint64(p.Data), uint64(p.Data))
}

func limitAddressSpace(p Plan) error {
	if p.AddressSpace == 0 {
		return nil
	}
	return limit("virtual-memory-limit", unix.RLIMIT_AS, uint64(p.AddressSpace), uint64(p.AddressSpace))
}

func limit(option string, resource int, soft, hard uint64) error {
	err := unix.Prlimit(0, resource, &unix.Rlimit{Cur: soft, Max: hard}, nil)
	if err == nil {
		return nil
	}
	var now unix.Rlimit
	if unix.Prlimit(0, resource, nil, &now) == nil && hard > now.Max {
		err = fmt.Errorf("%w: the limit that was set for this program is %d", err, now.Max)
	}
	return &StepError{option, fmt.Sprintf("set limit to %d, at most %d", soft, hard), err,
		fmt.Sprintf("give a smaller %s, or start the program with a higher limit (ulimit, LimitCPU=, LimitDATA=, LimitAS=)", option)}
}
