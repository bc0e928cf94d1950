package worker

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// interval is how often limits are looked at; a limit that is shorter than ten
// of it is looked at more often.
const interval = time.Second

// patience is how long the monitor waits for what needs Python's lock.
const patience = time.Second

// Limits of the requests of a process; those that are 0 do not exist.
type Limits struct {
	Threads                                  int
	Request, Interrupt, Deadlock, Inactivity time.Duration
}

// Stretched is the request-timeout of one request: a process with many threads
// can bear a stuck one for longer.
func (l Limits) Stretched() time.Duration {
	return time.Duration(float64(l.Request) * (1 + math.Log(float64(max(1, l.Threads)))))
}

// tick is how often the limits need a look.
func (l Limits) tick() time.Duration {
	tick := interval
	for _, limit := range []time.Duration{l.Request, l.Interrupt, l.Deadlock, l.Inactivity} {
		if limit > 0 {
			tick = min(tick, limit/10)
		}
	}
	return tick
}

// Monitor watches the requests of a process and asks for its replacement when
// a limit is passed.
type Monitor struct {
	Limits   Limits
	Requests Requests
	// Retire asks the parent; it is called once per reason.
	Retire func(wire.Retirement)
	// Pulse tells the parent figures that have changed, once per interval at
	// most.
	Pulse func(wire.Vitals)
	Log   logs.Logger

	locked  chan func() // what needs Python's lock, to one goroutine
	alive   atomic.Int64
	injured map[int]injury // by thread
	asked   map[string]bool

	told   wire.Vitals // that Pulse was called with last, at toldAt
	toldAt time.Time
}

// injury is what was done to a request that runs for too long.
type injury struct {
	serial   uint32
	at       time.Duration // how long it had run
	reported bool
}

// Run watches until ctx is done. Goroutines that wait for a lock which is
// never given back are left behind: they end with the process.
func (m *Monitor) Run(ctx context.Context) {
	m.locked = make(chan func())
	m.injured, m.asked = make(map[int]injury), make(map[string]bool)
	m.alive.Store(time.Now().UnixNano())
	var wg sync.WaitGroup
	wg.Go(func() { m.runLocked(ctx) })
	if m.Limits.Deadlock > 0 {
		wg.Go(func() { m.probe(ctx) })
	}
	tick := time.NewTicker(m.Limits.tick())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			m.leave(&wg)
			return
		case <-tick.C:
		}
		m.look()
		m.pulse(m.Requests.Vitals())
	}
}

// pulse tells the parent how it goes.
func (m *Monitor) pulse(now wire.Vitals) {
	if now == m.told || time.Since(m.toldAt) < interval {
		return
	}
	m.told, m.toldAt = now, time.Now()
	m.Pulse(now)
}

// leave waits for the goroutines as long as they can be expected to end.
func (m *Monitor) leave(wg *sync.WaitGroup) {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

func (m *Monitor) runLocked(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-m.locked:
			f()
		}
	}
}

// probe takes Python's lock once per interval.
func (m *Monitor) probe(ctx context.Context) {
	tick := time.NewTicker(min(interval, m.Limits.Deadlock/10))
	defer tick.Stop()
	for {
		m.Requests.Probe()
		m.alive.Store(time.Now().UnixNano())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// withLock does f where it may wait for Python's lock, and reports whether it
// was done within patience.
func (m *Monitor) withLock(f func()) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	done := make(chan struct{})
	select {
	case m.locked <- func() { f(); close(done) }:
	case <-timer.C:
		return false // the last one still waits
	}
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

func (m *Monitor) look() {
	m.lookAtLock()
	running := m.Requests.Running(nil)
	if m.Limits.Request > 0 {
		for _, r := range running {
			m.lookAt(r)
		}
	}
	m.lookAtIdleness(running)
}

func (m *Monitor) lookAtLock() {
	silent := time.Duration(time.Now().UnixNano() - m.alive.Load())
	if m.Limits.Deadlock == 0 || silent < m.Limits.Deadlock || m.asked["deadlock_timeout"] {
		return
	}
	m.ask(wire.Retirement{Reason: "deadlock_timeout", Stuck: true,
		Text: fmt.Sprintf("no thread could get Python's lock for %v (deadlock-timeout)", m.Limits.Deadlock)})
	m.Requests.Dump()
}

// String says which request it is and for how long it runs, for the log.
func (r Running) String() string {
	text := fmt.Sprintf("%s runs for %v", r.Name, r.For.Round(time.Millisecond))
	if r.Waited >= time.Millisecond {
		text += fmt.Sprintf(", without the %v in which it waited for its client", r.Waited.Round(time.Millisecond))
	}
	return text
}

// lookAt deals with one request of those that run.
func (m *Monitor) lookAt(r Running) {
	limit := m.Limits.Stretched()
	was := m.injured[r.Thread]
	if was.serial != r.Serial {
		was = injury{serial: r.Serial}
	}
	switch {
	case r.For < limit || was.reported:
		return
	case m.Limits.Interrupt == 0:
		m.report(r, &was)
	case was.at == 0:
		was.at = r.For
		m.interrupt(r)
	case r.For >= was.at+m.Limits.Interrupt:
		m.report(r, &was)
	}
	m.injured[r.Thread] = was
}

func (m *Monitor) interrupt(r Running) {
	var raised bool
	if m.withLock(func() { raised = m.Requests.Interrupt(r) }) && raised {
		m.log(logs.Info, "Injected RequestTimeout into thread %d: %v", r.Thread+1, r)
	}
}

// report logs where a request hangs and asks for another process.
func (m *Monitor) report(r Running, was *injury) {
	was.reported = true
	var stack string
	if !m.withLock(func() { stack = m.Requests.Stack(r) }) {
		m.log(logs.Error, "%v, longer than request-timeout allows; its stack follows from stderr, because its thread keeps Python's lock", r)
		m.Requests.Dump()
	} else if stack != "" {
		m.log(logs.Error, "%v, longer than request-timeout allows; thread %d is at\n%s", r, r.Thread+1, stack)
	}
	m.ask(wire.Retirement{Reason: "request_timeout",
		Text: fmt.Sprintf("a request runs for %v; with %d threads request-timeout=%v allows %v",
			r.For.Round(time.Millisecond), m.Limits.Threads, m.Limits.Request, m.Limits.Stretched().Round(time.Millisecond))})
}

// lookAtIdleness asks for a replacement when nothing but stale requests was
// there for long.
func (m *Monitor) lookAtIdleness(running []Running) {
	idle, ever := m.Requests.Idle()
	if m.Limits.Inactivity == 0 || !ever || idle < m.Limits.Inactivity {
		return
	}
	for _, r := range running {
		if !m.stale(r) {
			return
		}
	}
	m.ask(wire.Retirement{Reason: "inactivity_timeout",
		Text: fmt.Sprintf("there was nothing to do for %v (inactivity-timeout)", m.Limits.Inactivity)})
}

// stale reports a request that has used up all its time.
func (m *Monitor) stale(r Running) bool {
	total := m.Limits.Request + m.Limits.Interrupt
	return total > 0 && r.For > total
}

func (m *Monitor) ask(r wire.Retirement) {
	if !m.asked[r.Reason] {
		m.asked[r.Reason] = true
		m.Retire(r)
	}
}

func (m *Monitor) log(level logs.Level, format string, args ...any) {
	m.Log.Log(logs.Record{Level: level, Module: "wsgi", Message: fmt.Sprintf(format, args...)})
}
