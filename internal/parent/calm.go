package parent

import (
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/spawn"
	"github.com/gophersnake/gophersnake/internal/supervise"
)

// Starts of servers in place of those that have ended by themselves. One that
// has served for less than longServed is replaced after a pause, which doubles
// from firstRetry to lastPause: connections wait in the socket meanwhile.
const (
	longServed = 30 * time.Second
	lastPause  = 3 * time.Second
)

// calm spaces out the starts of servers that end again and again. The zero
// value has seen none.
type calm struct{ wait time.Duration }

// after returns how long to wait with the start of another server after one
// that lived for a time.
func (c *calm) after(lived time.Duration) time.Duration {
	if lived >= longServed {
		c.wait = 0
		return 0
	}
	wait := c.wait
	c.wait = min(max(2*c.wait, firstRetry), lastPause)
	return wait
}

// causeOf says how the server of a generation has ended. It is called once for
// each.
func (p *Parent) causeOf(g *generation, exit spawn.Exit) string {
	e := supervise.Exit(exit)
	if text := p.oom.Explain(g.cgroup, e, 0, time.Now()); text != "" {
		return text
	}
	return e.String()
}

// tellEnd logs the end of a server that is not replaced because of it.
func (p *Parent) tellEnd(g *generation, exit spawn.Exit) {
	level := logs.Info
	if exit.Status != 0 || exit.Signal != 0 {
		level = logs.Warn
	}
	if g.failed.Load() {
		level = logs.Debug
	}
	p.log(level, "the server process %d ended: %s; it lived %v", exit.Pid, p.causeOf(g, exit), time.Since(g.began).Round(time.Millisecond))
}

// pause waits, and reports false when the parent is to stop.
func (p *Parent) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.life.Done():
		return false
	}
}
