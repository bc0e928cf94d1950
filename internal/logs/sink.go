package logs

import (
	"io"
	"sync"
	"time"
)

// keepBuffer is the capacity up to which a line buffer is kept for the next
// line.
const keepBuffer = 64 << 10

// sink writes lines, one Write each, and keeps count of those that could not
// be written. Its lock also guards the buffer and the clock.
type sink struct {
	mu      sync.Mutex
	w       io.Writer
	buf     []byte
	clock   clock
	torn    bool   // the last line in the log is incomplete
	dropped uint64 // since the last successful write
	cause   error  // of the last drop
}

// beginLocked returns the empty buffer to build the next lines in.
func (s *sink) beginLocked() []byte {
	buf := s.buf[:0]
	if s.torn {
		buf = append(buf, '\n')
	}
	return buf
}

// endLocked writes what was built in buf. It reports how many were dropped
// before when this is the first write that works again.
func (s *sink) endLocked(buf []byte) (recovered uint64, err error) {
	if cap(buf) <= keepBuffer {
		s.buf = buf
	} else {
		s.buf = nil
	}
	n, err := s.w.Write(buf)
	if err != nil {
		s.dropped++
		s.cause = err
		if n > 0 {
			s.torn = buf[n-1] != '\n'
		}
		return 0, err
	}
	recovered = s.dropped
	s.dropped, s.cause, s.torn = 0, nil, false
	return recovered, nil
}

// clock formats times and remembers the text of the last second.
type clock struct {
	second int64
	zone   *time.Location
	text   []byte
}

// append appends t in the layout, which must be always the same one for a
// clock. What it shows finer than seconds is that of the first call in a second.
func (c *clock) append(dst []byte, t time.Time, layout string) []byte {
	if second := t.Unix(); second != c.second || c.zone != t.Location() || c.text == nil {
		c.second, c.zone = second, t.Location()
		c.text = t.AppendFormat(c.text[:0], layout)
	}
	return append(dst, c.text...)
}
