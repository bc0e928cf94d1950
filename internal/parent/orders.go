package parent

import (
	"fmt"
	"sync"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// A process that does not run reads nothing, and what the system buffers for it may be
// full: whoever sends it something then waits until it runs again, or has ended. So each
// daemon has a goroutine that does nothing else; the supervisor, which is the one that
// kills such a process, never waits.

// mostOrders is how many orders wait for one process.
const mostOrders = 8

// order is what a process is to be told.
type order struct {
	kind    string
	payload any
}

// orders are what a daemon has not been told yet. They are safe for concurrent use.
type orders struct {
	added chan struct{} // holds a token when there may be some

	mu      sync.Mutex
	waiting []order
}

func newOrders() *orders { return &orders{added: make(chan struct{}, 1)} }

// add never blocks. Of more than mostOrders the oldest are dropped: a process that misses
// a Mark or a Keep leaves a script to others once more, and nothing comes after Stop.
func (o *orders) add(kind string, payload any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == mostOrders {
		o.waiting = o.waiting[1:]
	}
	o.waiting = append(o.waiting, order{kind, payload})
	select {
	case o.added <- struct{}{}:
	default:
	}
}

// next takes the one whose turn it is; ok is false when there is none.
func (o *orders) next() (first order, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return first, false
	}
	first, o.waiting = o.waiting[0], o.waiting[1:]
	return first, true
}

// deliver sends the process its orders until it has ended. It blocks as long as the
// process reads nothing; the end of either side of the connection ends that.
func (d *daemon) deliver() {
	for {
		select {
		case <-d.process.Done():
			return
		case <-d.orders.added:
		}
		for o, ok := d.orders.next(); ok; o, ok = d.orders.next() {
			if err := d.process.Control().Send(o.kind, o.payload); err != nil && !ended(d.process) {
				d.missed(o.kind, err)
			}
		}
	}
}

// missed is for an order that the process does not get though it lives. One that cannot
// be told to stop is killed: it would go on until its time is over, which may be never.
func (d *daemon) missed(kind string, err error) {
	if kind != wire.Stop {
		d.group.log(logs.Error, "process %d of group %s: %v", d.process.Pid(), d.group.name(), err)
		return
	}
	d.mu.Lock()
	d.untold = fmt.Sprintf("it %s: %v", cannotBeTold, err)
	d.mu.Unlock()
	d.Kill()
}

// cannotBeTold is why a process is killed that has lost its control socket.
const cannotBeTold = "cannot be told to stop"
