package framing

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"time"
)

// piece bounds what is sent under one write deadline, so that a slow client is
// given the write time-out for each piece and not for a whole file.
const piece = 256 << 10

// SetReason sets the reason phrase of the next response that begins with this
// status, in place of the one that net/http would send. Each byte of the phrase
// is sent as it is; control characters become spaces. An empty phrase is
// allowed.
func (c *Conn) SetReason(status int, phrase string) {
	c.status, c.reason = status, phrase
}

// SetWriteTimeout sets for how long the client may take nothing of what is sent
// from now on, in place of Options.WriteTimeout, which 0 puts in force again.
func (c *Conn) SetWriteTimeout(d time.Duration) {
	c.patience = d
	c.writeBy = time.Time{}
	c.gaveUp = nil
}

func (c *Conn) writeTimeout() time.Duration {
	if c.patience > 0 {
		return c.patience
	}
	return c.options.WriteTimeout
}

// Write sends p. It fails when the client takes nothing for the write time-out;
// it is given up after twice that at the latest. From then on every call fails at
// once, until SetWriteTimeout.
func (c *Conn) Write(p []byte) (int, error) {
	if !c.begun {
		c.begin(p)
	}
	if c.frames != nil {
		return c.write(c.frames.follow(p))
	}
	if c.status != 0 {
		if head := c.replaceReason(p); head != nil {
			if _, err := c.write(head); err != nil {
				return 0, err
			}
			return len(p), nil
		}
	}
	if r := refusedByServer(p); r != nil {
		return c.refuseFor(r, len(p))
	}
	return c.write(p)
}

// begin looks at the first that is sent: a frame of settings begins with a length
// below 64 KiB, a response of HTTP/1 with a letter.
func (c *Conn) begin(p []byte) {
	c.begun = true
	if !c.options.HTTP2 || len(p) == 0 || p[0] != 0 {
		return
	}
	c.frames = &frames{}
	if c.options.OnGiveUp != nil {
		c.frames.told = func(g GivenUp) { c.options.OnGiveUp(c, g) }
	}
}

// refuseFor sends the status page in place of the n bytes with which net/http
// refuses a request.
func (c *Conn) refuseFor(r *Refusal, n int) (int, error) {
	if !c.told {
		c.told = true
		c.report(r)
	}
	if _, err := c.write(r.page()); err != nil {
		return 0, err
	}
	return n, nil
}

func (c *Conn) write(p []byte) (n int, err error) {
	switch {
	case c.gaveUp != nil:
		return 0, c.gaveUp
	case c.writeTimeout() <= 0:
		return c.Conn.Write(p)
	}
	for {
		part := p[n:min(n+piece, len(p))]
		if err := c.armWrite(); err != nil {
			return n, err
		}
		sent, err := c.Conn.Write(part)
		n += sent
		if slow(sent, err) {
			continue
		}
		if err != nil || n == len(p) {
			return n, c.giveUp(err)
		}
	}
}

// giveUp remembers a client that has taken nothing for the write time-out: what
// net/http sends after that need not wait for it again.
func (c *Conn) giveUp(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.gaveUp = err
	}
	return err
}

// slow reports a write that its deadline has ended, but not before the client has
// taken something.
func slow[N int | int64](sent N, err error) bool {
	return sent > 0 && errors.Is(err, os.ErrDeadlineExceeded)
}

// armWrite gives the next write between 7/8 and all of the write time-out:
// setting the deadline anew each time would cost more than it is worth.
func (c *Conn) armWrite() error {
	now := time.Now()
	if limit := c.writeTimeout(); c.writeBy.Sub(now) < limit-limit/8 {
		c.writeBy = now.Add(limit)
		return c.Conn.SetWriteDeadline(c.writeBy)
	}
	return nil
}

// SetWriteDeadline sets a deadline of the caller's. The zero time, which
// net/http sets after every response, leaves the guard's own deadline alone.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if c.writeTimeout() > 0 && t.IsZero() {
		return nil
	}
	c.writeBy = time.Time{}
	return c.Conn.SetWriteDeadline(t)
}

// ReadFrom sends what src gives, with sendfile(2) where src is a file, perhaps
// limited by an *io.LimitedReader, and the connection is TCP. It fails when the
// client takes nothing for the write time-out; where src cannot seek, after twice
// that at the latest.
func (c *Conn) ReadFrom(src io.Reader) (int64, error) {
	to, ok := c.Conn.(io.ReaderFrom)
	switch {
	case !ok:
		return io.Copy(writeOnly{c}, src)
	case c.gaveUp != nil:
		return 0, c.gaveUp
	case c.writeTimeout() <= 0:
		return to.ReadFrom(src)
	}
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	n, err := c.sendFrom(to, limited)
	return n, c.giveUp(err)
}

// sendFrom sends in pieces. How long the client has taken nothing is looked at
// several times in the write time-out: a piece of which a part was sent does not
// tell when.
func (c *Conn) sendFrom(to io.ReaderFrom, src *io.LimitedReader) (total int64, err error) {
	from, took := placeOf(src.R), time.Now()
	for src.N > 0 {
		if err := c.armFor(from); err != nil {
			return total, err
		}
		part := io.LimitedReader{R: src.R, N: min(src.N, piece)}
		want := part.N
		n, err := to.ReadFrom(&part)
		total += n
		src.N -= n
		late := errors.Is(err, os.ErrDeadlineExceeded)
		switch {
		case n > 0:
			took = time.Now()
		case late && time.Since(took) >= c.writeTimeout():
			return total, err
		}
		if late && from.goTo(total) {
			continue
		}
		if err != nil || n < want {
			return total, err
		}
	}
	return total, nil
}

// looks is how often in the write time-out it is looked at whether the client
// takes something of a file.
const looks = 8

// armFor gives the next piece a part of the write time-out, and all of it where
// sending could not go on after that.
func (c *Conn) armFor(from place) error {
	if from.file == nil {
		return c.armWrite()
	}
	step, now := c.writeTimeout()/looks, time.Now()
	if left := c.writeBy.Sub(now); left > step/2 && left <= step {
		return nil
	}
	c.writeBy = now.Add(step)
	return c.Conn.SetWriteDeadline(c.writeBy)
}

// place is where a file was when sending it began.
type place struct {
	file  io.Seeker // nil: it has no places
	start int64
}

func placeOf(src io.Reader) place {
	if file, ok := src.(io.Seeker); ok {
		if start, err := file.Seek(0, io.SeekCurrent); err == nil {
			return place{file, start}
		}
	}
	return place{}
}

// goTo makes sure that the next byte read is the one behind the first n: where
// sendfile(2) cannot be used, some may have been read and not sent.
func (p place) goTo(n int64) bool {
	if p.file == nil {
		return false
	}
	_, err := p.file.Seek(p.start+n, io.SeekStart)
	return err == nil
}

// writeOnly hides ReadFrom from io.Copy.
type writeOnly struct{ io.Writer }

// replaceReason returns p with the phrase that was set, or nil if p does not
// begin the response it was set for.
func (c *Conn) replaceReason(p []byte) []byte {
	end := bytes.IndexByte(p, '\r')
	if end < 13 || string(p[:7]) != "HTTP/1." || string(p[9:12]) != strconv.Itoa(c.status) {
		return nil
	}
	head := make([]byte, 0, len(p)+len(c.reason))
	head = append(head, p[:13]...)
	for i := range len(c.reason) {
		b := c.reason[i]
		if b < 0x20 && b != '\t' || b == 0x7f {
			b = ' '
		}
		head = append(head, b)
	}
	c.status, c.reason = 0, ""
	return append(head, p[end:]...)
}
