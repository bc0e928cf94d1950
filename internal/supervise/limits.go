package supervise

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// sampleInterval is the time between two looks at the memory of processes.
const sampleInterval = 5 * time.Second

// Spread returns a limit for one of several processes, so that they do not
// reach it together: between 90 % and all of limit, never above, at least 1.
// Without a limit, 0 or less, it returns limit. random returns a number in
// [0, 1).
func Spread(limit int64, random func() float64) int64 {
	if limit <= 0 {
		return limit
	}
	choices := limit/10 + 1
	return limit - min(int64(random()*float64(choices)), choices-1)
}

// Resident asks the system how many bytes of process pid are resident.
func Resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory of process %d: %w", pid, err)
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, fmt.Errorf("read memory of process %d: %q", pid, text)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read memory of process %d: %w", pid, err)
	}
	return pages * int64(os.Getpagesize()), nil
}

// sample looks at the memory of all processes, and wants those replaced that
// have too much. One that has it soon after its start would have it again: it
// is replaced at growing intervals.
func (g *Group) sample(now time.Time) {
	if g.o.OOM != nil {
		g.o.OOM.Look(now)
	}
	for _, l := range g.lives() {
		if !l.state.live() {
			continue
		}
		n, err := g.o.Resident(l.pid)
		if err != nil {
			continue // it is about to end
		}
		l.resident = n
		if g.o.RestartMemory > 0 && n > g.o.RestartMemory && l.state == InService {
			delay := time.Duration(0)
			if !l.wanted && now.Sub(l.ready) < longLife {
				delay = l.place.backoff.greedy.next()
			}
			g.want(l, retirement{
				reason: fmt.Sprintf("its resident memory of %s is above restart-memory=%s", size(n), size(g.o.RestartMemory)),
				drain:  g.o.Graceful,
				delay:  delay,
			})
		}
	}
}
