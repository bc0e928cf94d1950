package spawn

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/gophersnake/gophersnake/internal/control"
)

// plan is a process that is about to be started.
type plan struct {
	argv, env []string
	fds       []uintptr // by their number in the child
	given     []*os.File
	process   *Process // with the parent's ends
}

// newPlan opens all that a process needs. The caller closes given after the
// start, and abandons the plan if there was none.
func newPlan(o *Options, alive *os.File) (*plan, error) {
	settings, err := o.check()
	if err != nil {
		return nil, err
	}
	p := &plan{argv: o.argv(), env: o.environ(), process: &Process{done: make(chan struct{}), settings: settings}}
	if err := p.open(o, alive); err != nil {
		return nil, errors.Join(err, closeAll(p.given...), p.abandon())
	}
	return p, nil
}

func (p *plan) open(o *Options, alive *os.File) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	p.given = append(p.given, null)
	outRead, outWrite, err := pipe("output", unix.O_RDONLY)
	if err != nil {
		return err
	}
	p.process.output = &output{file: outRead, call: o.Output, settled: make(chan struct{})}
	p.given = append(p.given, outWrite)
	setRead, setWrite, err := pipe("settings", unix.O_WRONLY)
	if err != nil {
		return err
	}
	p.process.settingsTo = setWrite
	p.given = append(p.given, setRead)
	theirs, err := p.openControl()
	if err != nil {
		return err
	}
	inherited := append([]*os.File{null, outWrite, outWrite, theirs, setRead, alive}, o.Files...)
	p.fds, err = descriptors(inherited...)
	return err
}

// openControl makes the control connection and returns the child's end.
func (p *plan) openControl() (*os.File, error) {
	ours, theirs, err := control.Pair()
	if err != nil {
		return nil, err
	}
	p.given = append(p.given, theirs)
	p.process.control, err = control.Open(ours)
	return theirs, err
}

// abandon closes the parent's ends.
func (p *plan) abandon() error {
	var errs []error
	if p.process.output != nil {
		errs = append(errs, p.process.output.file.Close())
	}
	if p.process.settingsTo != nil {
		errs = append(errs, p.process.settingsTo.Close())
	}
	if p.process.control != nil {
		errs = append(errs, p.process.control.Close())
	}
	return errors.Join(errs...)
}

// pipe makes a pipe of which only our end, the one for ourMode, is
// non-blocking: the other one is for code that may know nothing of that.
func pipe(name string, ourMode int) (r, w *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("make pipe for %s: %w", name, err)
	}
	ours := fds[0]
	if ourMode == unix.O_WRONLY {
		ours = fds[1]
	}
	err = unix.SetNonblock(ours, true)
	r, w = os.NewFile(uintptr(fds[0]), name), os.NewFile(uintptr(fds[1]), name)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("make pipe for %s: %w", name, err), closeAll(r, w))
	}
	return r, w, nil
}
