package parent

import (
	"errors"
	"fmt"
	"time"

	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// An application can write to every descriptor of its process, and close it: also the
// socket between the process and its parent, and in a daemon the one to the server. It
// does so by mistake, with the number of a file that it has closed, or for all numbers.
// The messages of the program itself are whole all the same, so that nobody's request
// has to suffer: the process is replaced as if it had asked for it.

// listener is told what a process says, by one goroutine at a time.
type listener interface {
	// hear takes a message. An error wraps control.ErrMalformed: it is not one of
	// those that such a process sends.
	hear(m *control.Message) error
	// distrust is called for what is malformed, each time.
	distrust(reason string)
	// deaf is called when the process has lived on without its socket.
	deaf()
}

// closedSocket is the reason to distrust a process that nothing can be told any more.
const closedSocket = "its control socket is closed"

// deathNotice is how long the system may take to say that a process has ended, after
// it has closed the process's descriptors.
const deathNotice = 3 * time.Second

// hearAll passes on what comes from a connection until its end.
func hearAll(c *control.Conn, l listener) {
	for {
		m, err := c.Receive()
		if err == nil {
			err = l.hear(&m)
			m.Close()
		}
		switch {
		case errors.Is(err, control.ErrMalformed), errors.Is(err, control.ErrNoDescriptor): // files are not expected
			l.distrust(err.Error())
		case err != nil:
			return
		}
	}
}

// awaitEnd returns when the process has ended; heard is closed when nothing more comes
// from it.
func awaitEnd(p Process, heard <-chan struct{}, l listener) {
	select {
	case <-p.Done():
		return
	case <-heard:
	}
	timer := time.NewTimer(deathNotice)
	defer timer.Stop()
	select {
	case <-p.Done():
		return
	case <-timer.C:
	}
	l.deaf()
	<-p.Done()
}

// quoted is how much of a message is shown in a reason.
const quoted = 40

// misunderstood is the error for a message that such a process does not send.
func misunderstood(m *control.Message) error {
	payload := string(m.Payload[:min(quoted, len(m.Payload))])
	return fmt.Errorf("%w: %q with %q", control.ErrMalformed, m.Kind, payload)
}

// strayWrites is what to do about it.
const strayWrites = "code in it writes to, or closes, a descriptor that it did not open: look for the number of a file " +
	"that is used after the file was closed, and for loops over all numbers"

// distrust has the process replaced, once.
func (d *daemon) distrust(reason string) {
	d.mu.Lock()
	again := d.distrusted || d.told
	d.distrusted = true
	d.mu.Unlock()
	if again || d.group.generation.isEnding() {
		return
	}
	d.group.log(logs.Error, "process %d of group %s is replaced: %s; %s", d.process.Pid(), d.group.name(), reason, strayWrites)
	d.retire(wire.Retirement{Reason: "shutdown_signal", Text: reason})
}

// deaf has the process replaced, unless it is a service: that may have become another
// program, which has no such socket.
func (d *daemon) deaf() {
	if !d.group.isService() {
		d.distrust(closedSocket)
	}
}

// distrust is what the server process sent, in which applications run, too.
func (g *generation) distrust(reason string) {
	g.parent.log(logs.Error, "the server process serves on, but: %s; %s", reason, strayWrites)
}
