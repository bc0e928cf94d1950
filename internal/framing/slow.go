package framing

import (
	"errors"
	"os"
	"time"
)

// slowHead is what is known of a head that was not complete when its deadline
// struck.
type slowHead struct {
	message int // its number, from 1; 0: none
	since   time.Time
}

// slowBody is how fast a body has come so far.
type slowBody struct {
	message int           // its number, from 1; 0: none
	got     int64         // bytes
	waited  time.Duration // for the client
}

// receive reads within the time that the client has for what it sends.
func (c *Conn) receive(p []byte) (int, error) {
	if c.scan.inBody() {
		return c.receiveBody(p)
	}
	for {
		n, err := c.Conn.Read(p)
		if n > 0 || len(p) <= 1 || !c.scan.inHead() || !errors.Is(err, os.ErrDeadlineExceeded) || !c.extendHead() {
			return n, err
		}
	}
}

// extendHead gives the client more time if what it has sent of the head has
// earned it some. It is called when a deadline has struck: the first one of a
// head is the user's, at the end of the initial time.
func (c *Conn) extendHead() bool {
	rate := c.options.HeadRate
	if rate.Initial <= 0 {
		return false
	}
	now := time.Now()
	if message := c.scan.messages + 1; c.head.message != message {
		c.head = slowHead{message: message, since: now.Add(-rate.Initial)}
	}
	by := c.head.since.Add(rate.Allowance(int64(c.scan.head + len(c.scan.carry))))
	return by.After(now) && c.Conn.SetReadDeadline(by) == nil
}

// receiveBody reads a part of a body.
func (c *Conn) receiveBody(p []byte) (int, error) {
	if message := c.scan.messages + 1; c.body.message != message {
		c.body = slowBody{message: message}
	}
	start := time.Now()
	if err := c.armRead(start); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if c.options.BodyRate.Initial > 0 {
		c.body.waited += time.Since(start)
		c.body.got += int64(max(n, 0))
	}
	return n, err
}

// armRead bounds a read of a body that begins now.
func (c *Conn) armRead(now time.Time) error {
	for {
		leaveBy := c.leaveBy.Load()
		err := c.boundRead(leaveBy, now)
		if err != nil || c.leaveBy.Load() == leaveBy { // else Interrupt came between
			return err
		}
	}
}

func (c *Conn) boundRead(leaveBy int64, now time.Time) error {
	if leaveBy != 0 {
		return c.Conn.SetReadDeadline(time.Unix(0, leaveBy))
	}
	if d := c.options.BodyRate.Within(c.options.BodyTimeout, c.body.got, c.body.waited); d > 0 {
		return c.Conn.SetReadDeadline(now.Add(d))
	}
	return nil
}
