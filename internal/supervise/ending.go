package supervise

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
)

// Ending is the end of a process.
type Ending struct {
	Pid    int
	At     time.Time
	Lived  time.Duration // since its start
	Reason string        // why it was to end; "" if nobody wanted it to
	Cause  string        // how it ended: "killed by signal 11 (segmentation fault)"
	Exit   Exit
	Frozen bool // it was killed because nothing in it ran any more
}

// String says why and how, on one line.
func (e Ending) String() string {
	if e.Reason == "" {
		return fmt.Sprintf("%s after %v", e.Cause, round(e.Lived))
	}
	return fmt.Sprintf("%s, after %v: %s", e.Reason, round(e.Lived), e.Cause)
}

// remember keeps an ending with its place, and returns it.
func (g *Group) remember(l *life, cause string) Ending {
	now := time.Now()
	e := Ending{Pid: l.pid, At: now, Lived: now.Sub(l.started), Reason: l.reason, Cause: cause, Exit: l.exit, Frozen: l.frozen}
	l.place.remember(e)
	return e
}

// causeOf says how a process has ended. It asks the OOM, so that it is called
// once for each.
func (g *Group) causeOf(l *life) string {
	if l.late != "" {
		return l.late
	}
	text := g.o.OOM.Explain(l.cgroup, l.exit, l.resident, time.Now())
	if text == "" {
		text = overCPU(l.exit, g.o.CPU, l.overCPU)
	}
	if text == "" {
		return cause(l.exit)
	}
	l.explained = true
	return text
}

// overCPU says that the kernel has killed a process at its limit of processor
// time, "" if it has not. warned says that it had been warned. For limits the
// kernel counts ticks of the clock, which is inexact: the exact time may be less,
// on a busy machine by a sixth and more.
func overCPU(e Exit, limit time.Duration, warned bool) string {
	least := limit - limit/20
	if warned {
		least = limit / 2
	}
	if e.Signal != syscall.SIGKILL || limit == 0 || e.CPU < least {
		return ""
	}
	return fmt.Sprintf("killed by the kernel because it used %v of processor time, the hard limit that cpu-time-limit sets is %v", round(e.CPU), limit)
}

// killedByOthers reports a process that was killed neither by its group nor, as
// far as causeOf found out, by the kernel.
func (l *life) killedByOthers() bool {
	return l.exit.Signal == syscall.SIGKILL && l.late == "" && l.failure == "" && !l.explained
}

// cause says how a process has ended, from what the system says.
func cause(e Exit) string {
	if e.Signal == 0 {
		return fmt.Sprintf("exited with status %d", e.Status)
	}
	text := fmt.Sprintf("killed by signal %d (%v)", int(e.Signal), e.Signal)
	if e.Core {
		text += ", core dumped"
	}
	return text
}

// figures are what is known of a process's memory; 0 is not known.
func figures(resident, most int64) string {
	text := ""
	if resident > 0 {
		text += ", resident when last looked: " + size(resident)
	}
	if most > 0 {
		text += ", at most: " + size(most)
	}
	return text
}

// lastLine is what a process has said last, for the log.
func lastLine(output []string) string {
	for i := len(output) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(output[i]); line != "" {
			return fmt.Sprintf(" (its last words: %s)", line)
		}
	}
	return ""
}

// String names a life: "process 2 (pid 1234)".
func (l *life) String() string {
	if l.pid == 0 {
		return fmt.Sprintf("process %d", l.place.number)
	}
	return fmt.Sprintf("process %d (pid %d)", l.place.number, l.pid)
}

// log writes a line about a life, or about the group if l is nil.
func (g *Group) log(level logs.Level, l *life, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if g.undone {
		level = logs.Debug
	}
	if l != nil {
		text = fmt.Sprintf("%v %s", l, text)
	}
	g.o.Log(level, fmt.Sprintf("group %q: %s", g.o.Name, text))
}

// round leaves of a time what a reader wants to know.
func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

func in(d time.Duration) string {
	if d == 0 {
		return "at once"
	}
	return fmt.Sprintf("in %v", round(d))
}

// size writes bytes as 512.0M.
func size(n int64) string {
	const units = "KMGT"
	f, unit := float64(n)/1024, 0
	for f >= 1024 && unit < len(units)-1 {
		f /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f%c", f, units[unit])
}

// String says how a process has ended.
func (e Exit) String() string { return cause(e) }
