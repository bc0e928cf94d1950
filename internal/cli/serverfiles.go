package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/ring"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// deathNotice is how long the parent may take to say that a daemon has ended, after its
// socket was closed.
const deathNotice = 5 * time.Second

// follow passes on the files that a daemon answers with, until its socket is closed. Of
// what else comes from there, which its application has written, the parent is told
// once: the daemon is replaced, and its files are sent meanwhile.
func (s *serverOrders) follow(a *attached) {
	defer close(a.followed)
	told := false
	distrust := func(reason string) {
		if !told {
			told = true
			s.tell(wire.Broken, wire.Breach{ProcessID: a.id, Reason: reason, Spare: true})
		}
	}
	for {
		m, err := a.conn.Receive()
		switch {
		case errors.Is(err, control.ErrNoDescriptor) && m.Kind == control.SlotFile:
			a.process.Lost(int(m.Slot), ring.GenerationOf(m.State))
		case err == nil && m.Kind == control.SlotFile:
			a.process.Deliver(int(m.Slot), ring.GenerationOf(m.State), m.Files[0])
		case err == nil: // a note: a daemon sends none here
			m.Close()
			distrust(fmt.Sprintf("%v: %q", control.ErrMalformed, m.Kind))
		case errors.Is(err, control.ErrMalformed), errors.Is(err, control.ErrNoDescriptor):
			distrust(err.Error())
		default:
			if !a.dies() {
				distrust("its socket to the server is closed")
			}
			return
		}
	}
}

// dies waits for the word of the parent that the daemon has ended; it is false when
// that does not come.
func (a *attached) dies() bool {
	timer := time.NewTimer(deathNotice)
	defer timer.Stop()
	select {
	case <-a.removed:
		return true
	case <-timer.C:
		return false
	}
}
