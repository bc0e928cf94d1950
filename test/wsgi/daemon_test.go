package wsgi

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"github.com/gophersnake/gophersnake/internal/control"
	"github.com/gophersnake/gophersnake/internal/daemon"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/python"
	"github.com/gophersnake/gophersnake/internal/ring"
)

// The modes that every variant runs in.
const (
	embeddedMode = "embedded"
	daemonMode   = "daemon"
)

// daemonHost has requests take the way of daemon mode: through memory that is
// shared with request threads, though here both sides are in one process.
type daemonHost struct {
	feed     *python.Feed
	group    *daemon.Group
	memory   []byte // shared with the threads
	process  *daemon.Process
	files    *control.Conn // what the threads pass descriptors through
	socket   *os.File      // the other end
	received chan struct{}
	passed   atomic.Int32  // files that the threads have passed
	caught   chan struct{} // has an element for each call of catchUp
}

func startDaemon(t *testing.T, rt *runtime, threads int, changes ...func(*python.FeedOptions)) *daemonHost {
	t.Helper()
	region, err := ring.Create(daemon.Slots(threads), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	memory, err := ring.NewServer(region)
	if err != nil {
		t.Fatal(err)
	}
	ours, its, err := control.Pair()
	if err != nil {
		t.Fatal(err)
	}
	d := &daemonHost{memory: region.Bytes(), socket: its, received: make(chan struct{}), caught: make(chan struct{}, 1)}
	if d.files, err = control.Open(ours); err != nil {
		t.Fatal(err)
	}
	o := python.FeedOptions{Memory: region.Bytes(), Event: memory.Event(), Control: its, Threads: threads}
	for _, change := range changes {
		change(&o)
	}
	d.feed, err = rt.Feed(o)
	if err != nil {
		t.Fatal(err)
	}
	d.group = daemon.NewGroup(daemon.Options{Name: "test", Log: rt.log, Backlog: backlog})
	d.process = d.group.Add(daemon.ProcessOptions{PID: os.Getpid(), Threads: threads, Ring: memory})
	go d.receive()
	return d
}

// receive hands over the files that threads answer with.
func (d *daemonHost) receive() {
	defer close(d.received)
	for {
		m, err := d.files.Receive()
		if err != nil {
			return
		}
		if m.Kind != control.SlotFile {
			d.caught <- struct{}{}
			continue
		}
		d.passed.Add(1)
		d.process.Deliver(int(m.Slot), ring.GenerationOf(m.State), m.Files[0])
	}
}

// catchUp waits until what the threads have passed so far has been received.
func (d *daemonHost) catchUp(t *testing.T) {
	t.Helper()
	c, err := control.OpenDuplicate(d.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Send("caught-up", nil); err != nil {
		t.Fatal(err)
	}
	<-d.caught
}

// stop ends the threads; what Python does at its end comes after.
func (d *daemonHost) stop(ctx context.Context) error {
	err := d.feed.Stop(ctx)
	err = errors.Join(err, d.files.Close(), d.socket.Close())
	<-d.received
	d.group.Close()
	return err
}

// application is a script in either mode.
type application struct {
	gateway.App
	preload func(group string) error
}

// Preload loads the script.
func (a application) Preload(group string) error { return a.preload(group) }

// app returns the application of a script in the mode of this child.
func (rt *runtime) app(s python.Script) application {
	a := rt.App(s)
	if rt.daemon == nil {
		return application{a, a.Preload}
	}
	path := s.Path
	if path == "" {
		path = s.Name
	}
	index := rt.daemon.feed.Add(a)
	return application{rt.daemon.group.App(daemon.Script{Index: uint32(index), Path: path}), a.Preload}
}
