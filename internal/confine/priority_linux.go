package confine

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// setPriority gives all threads a nice value. On Linux each thread has its own;
// a new one inherits that of the thread that makes it. So it goes through the
// list of threads until there is no one new in it.
func setPriority(p Plan) error {
	if p.Priority == 0 {
		return nil
	}
	if err := everyThread(func(tid int) error {
		return syscall.Setpriority(syscall.PRIO_PROCESS, tid, p.Priority)
	}); err != nil {
		return &StepError{"cpu-priority", fmt.Sprintf("set priority %d", p.Priority), err,
			repair(err, "only root can lower a nice value: start as root, or give one that is not below the present", "leave cpu-priority out")}
	}
	return nil
}

// everyThread calls do for each thread of the process, those included that
// threads not yet treated make meanwhile. Threads that end are no error.
func everyThread(do func(tid int) error) error {
	done := map[string]bool{}
	for before := -1; before != len(done); {
		before = len(done)
		entries, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if done[entry.Name()] {
				continue
			}
			done[entry.Name()] = true
			tid, err := strconv.Atoi(entry.Name())
			if err != nil {
				return err
			}
			if err := do(tid); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
	}
	return nil
}
