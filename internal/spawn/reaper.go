package spawn

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// reapGrace is how long a dead process that the Launcher does not know is left
// alone: whoever has started it here, with os/exec, waits for it at once.
const reapGrace = time.Second

// Adopt makes orphans among the descendants of this process its children, as
// they are for process 1.
func Adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of orphans: %w", err)
	}
	return nil
}

// Orphan is a dead process that nobody has waited for.
type Orphan struct {
	Pid   int
	start uint64 // ticks since boot: tells processes of the same number apart
}

// Reap collects dead orphans until ctx ends, for process 1 or after Adopt. It
// takes no process of l, and no other one sooner than a second after its
// death, so that a process started with os/exec is left to who waits for it.
// Each one collected is told to reaped, which may be nil.
func (l *Launcher) Reap(ctx context.Context, reaped func(Orphan)) {
	died := make(chan os.Signal, 1)
	signal.Notify(died, unix.SIGCHLD)
	defer signal.Stop(died)
	again := time.NewTimer(0)
	defer again.Stop()
	var suspects map[Orphan]time.Time
	for {
		suspects = l.reapOld(suspects, time.Now(), reaped)
		var later <-chan time.Time
		if len(suspects) > 0 {
			again.Reset(reapGrace)
			later = again.C
		}
		select {
		case <-ctx.Done():
			return
		case <-died:
		case <-later:
		}
	}
}

// reapOld collects those of the dead that were seen a grace ago, and returns
// the others with the time when they were seen first.
func (l *Launcher) reapOld(seen map[Orphan]time.Time, now time.Time, reaped func(Orphan)) map[Orphan]time.Time {
	rest := map[Orphan]time.Time{}
	for _, dead := range deadChildren() {
		first, known := seen[dead]
		switch {
		case !known:
			rest[dead] = now
		case now.Sub(first) < reapGrace:
			rest[dead] = first
		case l.reapUnknown(dead.Pid) && reaped != nil:
			reaped(dead)
		}
	}
	return rest
}

// reapUnknown waits for a dead process unless it is one of l's.
func (l *Launcher) reapUnknown(pid int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.processes[pid] != nil {
		return false
	}
	got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
	return err == nil && got == pid
}

// deadChildren returns the children of this process that are dead and were not
// waited for. What cannot be read has gone meanwhile.
func deadChildren() []Orphan {
	var first unix.Siginfo // of any dead child; without one, /proc need not be read
	err := unix.Waitid(unix.P_ALL, 0, &first, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	if err != nil || first.Signo == 0 {
		return nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var dead []Orphan
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		if start, ok := deadChild(string(text), os.Getpid()); ok {
			dead = append(dead, Orphan{Pid: pid, start: start})
		}
	}
	return dead
}

// Positions in /proc/PID/stat, counted from the field after the name.
const (
	statState  = 0
	statParent = 1
	statStart  = 19
)

// deadChild reads a line of /proc/PID/stat: whether it is of a dead child of
// parent, and when that began.
func deadChild(stat string, parent int) (start uint64, ok bool) {
	_, rest, found := cutLast(stat, ") ") // the name may hold anything
	fields := strings.Fields(rest)
	if !found || len(fields) <= statStart || fields[statState] != "Z" || fields[statParent] != strconv.Itoa(parent) {
		return 0, false
	}
	start, err := strconv.ParseUint(fields[statStart], 10, 64)
	return start, err == nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
