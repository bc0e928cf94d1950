package supervise

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/logs"
)

// Used asks the system how much processor time the threads of process pid have
// used, to the nanosecond. It needs no right to the process.
func Used(pid int) (time.Duration, error) {
	// CPUCLOCK_SCHED of the process, as clock_getcpuclockid(3) names it.
	const sched = 2
	var t unix.Timespec
	if err := unix.ClockGettime(^int32(pid)<<3|sched, &t); err != nil {
		return 0, fmt.Errorf("read processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// interval is the time between two looks at all processes. A short
// deadlock-timeout makes it shorter.
func (o *Options) interval() time.Duration {
	if o.Deadlock == 0 {
		return sampleInterval
	}
	return min(sampleInterval, o.Deadlock/4)
}

// lookForFrozen finds processes that have done nothing at all for
// deadlock-timeout. They are asked nothing: a healthy one looks after itself more
// often than that, which takes processor time. When this process did not run
// itself for longer than it was to wait, the machine or the whole program was
// stopped, and all of them are given their time anew.
func (g *Group) lookForFrozen(now time.Time) {
	if g.o.Deadlock == 0 {
		return
	}
	late := now.Sub(g.lastLook) >= 2*g.o.interval()
	g.lastLook = now
	for _, l := range g.lives() {
		if l.frozen || g.table[l.state][evFrozen] == nil {
			continue
		}
		used, err := g.o.Used(l.pid)
		switch {
		case err != nil: // it is about to end
		case late || l.moved.IsZero() || used != l.used:
			l.used, l.moved = used, now
		case now.Sub(l.moved) >= g.o.Deadlock:
			g.apply(l, evFrozen)
		}
	}
}

// endFrozen kills a process. That it is replaced as well is for one that does not
// even end then.
func (g *Group) endFrozen(l *life) {
	text := fmt.Sprintf("nothing in it has run for %v, deadlock-timeout is %v: it was stopped, or the system does not run it",
		round(time.Since(l.moved)), g.o.Deadlock)
	l.frozen = true
	if l.late == "" {
		l.late = "killed, because " + text
	}
	g.log(logs.Error, l, "is killed: %s", text)
	l.process.Kill()
	g.want(l, retirement{reason: text, drain: g.o.Graceful})
}
