package spawn

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	keptLines = 20
	maxLine   = 8 << 10 // bytes; longer lines come in pieces
)

// longAgo is a deadline that ends what is being read or written.
var longAgo = time.Unix(1, 0)

// output reads what a process writes, line by line.
type output struct {
	file    *os.File
	call    func(line string) // may be nil
	rest    []byte            // the line that has not ended; of forward
	settled chan struct{}     // closed when all was read that was there at the end of the process
	once    sync.Once

	mu      sync.Mutex
	lines   []string
	stopped bool
}

// forward reads until everyone who can write has closed the pipe, which may be
// long after the end of the process, or until stop. It closes the file.
func (o *output) forward() {
	defer o.file.Close()
	defer o.settle1()
	buf := make([]byte, 32<<10)
	for {
		n, err := o.file.Read(buf)
		o.add(buf[:n])
		if errors.Is(err, os.ErrDeadlineExceeded) && o.goOn() {
			o.readWhatIsThere(buf)
			o.settle1()
			continue
		}
		if err != nil {
			o.flush()
			return
		}
	}
}

// readWhatIsThere reads without waiting.
func (o *output) readWhatIsThere(buf []byte) {
	raw, err := o.file.SyscallConn()
	if err != nil {
		return
	}
	for n := 1; n > 0; {
		err := raw.Read(func(fd uintptr) bool {
			n, _ = unix.Read(int(fd), buf) // EAGAIN: nothing is there
			return true
		})
		if err != nil || n <= 0 {
			break
		}
		o.add(buf[:n])
	}
	o.flush()
}

// settle1 lets settle return.
func (o *output) settle1() { o.once.Do(func() { close(o.settled) }) }

// settle is called when the process has ended: it waits until what it has
// written was read, and returns the last lines. Others that still write, like
// what the process has started, are forwarded, but not waited for.
func (o *output) settle() []string {
	_ = o.file.SetReadDeadline(longAgo) // fails after forward has closed the file
	<-o.settled
	return o.last()
}

// stop ends forward.
func (o *output) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	_ = o.file.SetReadDeadline(longAgo)
}

// goOn lets reads wait again, and reports true, unless o is stopped.
func (o *output) goOn() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.stopped && o.file.SetReadDeadline(time.Time{}) == nil
}

// add takes bytes as they come.
func (o *output) add(b []byte) {
	o.rest = append(o.rest, b...)
	for {
		end := bytes.IndexByte(o.rest, '\n')
		if end < 0 && len(o.rest) < maxLine {
			return
		}
		if end < 0 || end > maxLine {
			o.line(o.rest[:maxLine])
			o.rest = o.rest[maxLine:]
			continue
		}
		o.line(o.rest[:end])
		o.rest = o.rest[end+1:]
	}
}

// flush takes what is left for a line.
func (o *output) flush() {
	if len(o.rest) > 0 {
		o.line(o.rest)
		o.rest = nil
	}
}

func (o *output) line(b []byte) {
	line := string(bytes.TrimSuffix(b, []byte("\r")))
	o.mu.Lock()
	if len(o.lines) == keptLines {
		o.lines = slices.Delete(o.lines, 0, 1)
	}
	o.lines = append(o.lines, line)
	o.mu.Unlock()
	if o.call != nil {
		o.call(line)
	}
}

func (o *output) last() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.lines)
}
