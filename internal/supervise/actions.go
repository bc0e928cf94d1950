package supervise

import (
	"fmt"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
)

// unkillable is how long a killed process may take to end before it is
// complained of, and, when the group ends, given up.
const unkillable = 10 * time.Second

// The actions of the table. They are called after the state has changed.

// start starts the process of a life that has waited.
func (g *Group) start(l *life) {
	now := time.Now()
	l.place.starts++
	l.started = now
	l.generation = int(g.generation.Load())
	p, err := g.o.Start(Spec{Number: l.place.number, Generation: l.generation, Events: func(e Event) {
		g.post(func() { g.happened(l, e) })
	}})
	if err != nil {
		l.failure = err.Error()
		g.apply(l, evExited)
		return
	}
	l.process, l.pid = p, p.Pid()
	l.deadline = after(now, g.o.Startup)
	l.retireAt = after(now, time.Duration(Spread(int64(g.o.RestartInterval), g.o.Random)))
	if g.o.OOM != nil {
		l.cgroup = g.o.OOM.Watch(l.pid, now)
	}
	g.log(logs.Info, l, "started")
}

// after returns the end of a limit that begins now, none if that is 0.
func after(now time.Time, limit time.Duration) time.Time {
	if limit == 0 {
		return time.Time{}
	}
	return now.Add(limit)
}

func (g *Group) enterService(l *life) {
	l.ready = time.Now()
	if l.unloaded == "" {
		g.log(logs.Info, l, "ready after %v", round(l.ready.Sub(l.started)))
	}
	g.publish() // the observer may ask for its replacement at once
	g.o.Observer.Up(l.process, l.info())
	if old := l.place.old; old != nil {
		g.apply(old, evReplaced)
	}
	g.wantIfOutdated(l)
	g.judgeLoad(l)
}

// replace begins to replace a process: it stays in service meanwhile.
func (g *Group) replace(l *life) {
	p := l.place
	p.backoff.wasOfUse(time.Since(l.ready)) // then what its replacements do begins anew
	g.replacing, p.old = p, l
	g.plan(p, l.retirement.delay)
	g.log(logs.Notice, l, "is replaced: %s", l.reason)
}

func (g *Group) drain(l *life) {
	drain := l.retirement.drain
	l.deadline = drain.After(time.Now())
	if drain.None() {
		g.log(logs.Info, l, "drains, without a limit: %s", l.reason)
	} else {
		g.log(logs.Info, l, "drains, for at most %v: %s", drain, l.reason)
	}
	g.o.Observer.Draining(l.process, l.info())
	l.process.Drain(l.reason)
}

// hurry is for a process that drains already when the group ends.
func (g *Group) hurry(l *life) {
	limit := g.o.Graceful.After(time.Now())
	if !limit.IsZero() && (l.deadline.IsZero() || limit.Before(l.deadline)) {
		l.deadline = limit
	}
}

func (g *Group) stop(l *life) {
	l.deadline = g.o.Shutdown.After(time.Now())
	g.log(logs.Info, l, "is told to stop: %s", l.reason)
	l.process.Stop()
}

func (g *Group) killLateStart(l *life) {
	l.failure = fmt.Sprintf("did not become ready within startup-timeout=%v", g.o.Startup)
	g.kill(l)
}

func (g *Group) killLateStop(l *life) {
	l.late = fmt.Sprintf("did not end within shutdown-timeout=%v, killed", g.o.Shutdown)
	g.kill(l)
}

func (g *Group) killInService(l *life) {
	g.o.Observer.Draining(l.process, l.info())
	g.kill(l)
}

func (g *Group) kill(l *life) {
	l.deadline = time.Now().Add(unkillable)
	l.process.Kill()
}

// complain is for a process that is killed and does not end. When the group
// ends it is left behind.
func (g *Group) complain(l *life) {
	g.log(logs.Error, l, "was killed %v ago and has not ended: the system does not let go of it", round(time.Since(l.since)))
	if g.stopping {
		l.late = "does not end though it was killed, given up"
		l.state = Gone
		g.ended(l)
	}
}

// complainAgain makes sure that a killed process is given up at some time when
// the group ends.
func (g *Group) complainAgain(l *life) {
	if l.deadline.IsZero() {
		l.deadline = time.Now().Add(unkillable)
	}
}

// decision is the time in which a group is given up that cannot start, before it
// tries again (Options.FirstDecides).
const decision = time.Second

// failedToStart plans the next attempt.
func (g *Group) failedToStart(l *life) {
	reason := l.failure
	if reason == "" {
		reason = g.causeOf(l) + " before it was ready"
	}
	g.remember(l, reason)
	if g.stopping {
		g.log(logs.Error, l, "could not start: %s", reason)
		return
	}
	p := l.place
	delay := g.startAfter(l, time.Now())
	if p.hurried {
		p.hurried, delay = false, min(delay, p.haste())
	}
	f := Failure{Number: p.number, Reason: reason, Output: l.exit.Output, Old: p.old != nil && p.old.state.inService()}
	words := lastLine(l.exit.Output)
	if g.o.FirstDecides && !g.served {
		g.undone = true
		delay = max(delay, decision)
		f.Reason += words
	}
	f.Next = delay
	g.plan(p, delay)
	text := fmt.Sprintf("could not start: %s%s; %s", reason, words, again(f))
	if g.undone {
		p.untold = fmt.Sprintf("%v %s", l, text)
	}
	g.log(logs.Error, l, "%s", text)
	g.o.Observer.CannotStart(f)
}

// decided notes that a process is ready, so that the group is not given up any more
// (Options.FirstDecides): what nobody else tells of those that could not start is told now.
func (g *Group) decided() {
	g.served, g.undone = true, false
	for _, p := range g.places {
		if p.untold != "" && !g.stopping {
			g.log(logs.Error, nil, "%s", p.untold)
		}
		p.untold = ""
	}
}

// again says what comes after a failure.
func again(f Failure) string {
	text := "it is tried again " + in(f.Next)
	if f.Old {
		text += ", the old process stays in service"
	}
	return text
}

// died is for a process that was in service and ended though nobody had told
// it to.
func (g *Group) died(l *life) {
	p := l.place
	cause := g.causeOf(l)
	then := "its replacement is being started"
	if p.cur == l {
		delay := g.startAfter(l, time.Now())
		g.plan(p, delay)
		then = "another one is started " + in(delay)
	}
	g.log(logs.Error, l, "ended: %s%s; it lived %v; %s", cause, lastLine(l.exit.Output), round(time.Since(l.started)), then)
	g.o.Observer.Down(l.process, l.info(), g.remember(l, cause))
}

// ended is for a process that was told to end. One that could not start anyway
// has done so by itself.
func (g *Group) ended(l *life) {
	cause, level := g.causeOf(l), logs.Info
	if l.late != "" || l.exit.Signal != 0 || l.exit.Status != 0 {
		level = logs.Warn
		if g.stopping && (l.late != "" || !l.ready.IsZero()) {
			g.unclean = append(g.unclean, fmt.Errorf("end %s of group %q: %s", l, g.o.Name, cause))
		}
	}
	g.log(level, l, "ended: %s, after %s; it lived %v", cause, l.reason, round(time.Since(l.started)))
	e := g.remember(l, cause)
	if !l.ready.IsZero() {
		g.o.Observer.Down(l.process, l.info(), e)
	}
}

// lastEnded is for a process that has got its last command.
func (g *Group) lastEnded(l *life) {
	if l.failure != "" && l.ready.IsZero() {
		g.failedToStart(l)
		return
	}
	g.ended(l)
}
