package daemon

import (
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/ring"
)

// maxHead bounds the head of a response, with what comes in its pieces of the
// body.
const maxHead = 8 << 20

// Causes of a gateway.Error; the process has logged the details.
var (
	errScript    = errors.New("the application failed")
	errNoScript  = errors.New("the script does not exist")
	errNotScript = errors.New("the script is not a file")
	errTimeout   = errors.New("the request was interrupted")
	errCut       = errors.New("the application failed in the middle of the response")
	errStops     = errors.New("the process stopped in the middle of the request")
)

// pieces hands on what there is of a streamed response.
func (c *call) pieces() (outcome, error) {
	for {
		p, extended, ok, err := c.slot.TakePiece(c.buf)
		c.buf = extended
		switch {
		case err != nil:
			return c.broken(err)
		case !ok:
			return goOn, nil
		case len(c.buf) > maxHead:
			return c.broken(fmt.Errorf("a head of %d bytes: %w", len(c.buf), ring.ErrBroken))
		}
		c.lives()
		if p.More {
			continue
		}
		what, err := c.piece(p)
		if what != goOn {
			return what, err
		}
		c.buf = c.buf[:0]
		c.lives()
	}
}

// piece hands on the piece in buf. A client that has left ends the request.
func (c *call) piece(p ring.Piece) (outcome, error) {
	body := c.buf
	if p.Head {
		var err error
		if body, err = c.parse(c.buf); err != nil {
			return c.broken(err)
		}
		if err := c.writeHead(); err != nil {
			c.abandon()
			return over, err
		}
	}
	if err := c.write(body, p.Head || p.Flush); err != nil {
		c.abandon()
		return over, nil // the writer knows of it
	}
	return goOn, nil
}

func (c *call) write(body []byte, flush bool) error {
	if len(body) > 0 {
		if _, err := c.w.Write(body); err != nil {
			return err
		}
	}
	if flush {
		return c.w.Flush()
	}
	return nil
}

// keptHead bounds the heads that are kept for a comparison with the next one.
const keptHead = 512

// parse decodes a flat head into c.head and returns the body behind it. An
// application often gives the same head again; then nothing is to be decoded.
func (c *call) parse(data []byte) (body []byte, err error) {
	if n := len(c.flat); n > 0 && len(data) >= n && string(data[:n]) == c.flat {
		c.head.ContentLength = c.length
		return data[n:], nil
	}
	c.flat = ""
	if body, err = flat.ParseHead(&c.head, data); err != nil {
		return nil, fmt.Errorf("%w: %w", ring.ErrBroken, err)
	}
	if head := data[:len(data)-len(body)]; len(head) <= keptHead {
		c.flat, c.length = string(head), c.head.ContentLength
	}
	return body, nil
}

// writeHead hands on the head.
func (c *call) writeHead() error {
	limit := c.g.o.headerLine()
	for _, f := range c.head.Fields {
		if n := len(f.Name) + len(": ") + len(f.Value); n > limit {
			return c.fail(fmt.Errorf("WSGI0144: response header line of %d bytes is longer than the %d of header-buffer-size", n, limit))
		}
	}
	if err := c.w.WriteHead(&c.head); err != nil {
		return c.fail(fmt.Errorf("send response: %w", err))
	}
	c.sent = true
	return nil
}

// done ends a request that the process has finished.
func (c *call) done(dead bool) (outcome, error) {
	if !c.concluded {
		if what, err := c.pieces(); what != goOn {
			return what, err
		}
		if err := c.readResult(); err != nil {
			return c.broken(err)
		}
	}
	switch c.result.Kind {
	case ring.Complete:
		c.release()
		return over, c.sendComplete()
	case ring.File:
		return c.file(dead)
	case ring.Stale:
		c.g.setStale(c.p)
		c.release()
		return again, nil
	}
	c.release()
	return over, c.verdict()
}

// readResult reads how the request ended.
func (c *call) readResult() (err error) {
	if len(c.buf) > 0 {
		return fmt.Errorf("the request ended within its head: %w", ring.ErrBroken)
	}
	if c.result, c.buf, err = c.slot.Result(c.buf); err != nil {
		return err
	}
	if c.result.Kind == ring.Stale && c.body != nil {
		return fmt.Errorf("the body of a request that was not begun has been read: %w", ring.ErrBroken)
	}
	if c.result.Kind == ring.Complete || c.result.Kind == ring.File {
		if c.whole, err = c.parse(c.buf); err != nil {
			return err
		}
	}
	c.concluded = true
	if c.result.Excess {
		c.log(logs.Debug, fmt.Sprintf("response body is longer than its Content-Length of %d bytes; the rest is dropped", c.result.Length))
	}
	return nil
}

// verdict turns an end without a response of its own into an error.
func (c *call) verdict() error {
	kind, err := gateway.Failed, errScript
	switch c.result.Kind {
	case ring.Streamed:
		return nil
	case ring.NotFound:
		c.log(logs.Error, "WSGI0135: Target WSGI script not found or unable to stat: "+c.script.Path)
		kind, err = gateway.NotFound, errNoScript
	case ring.Forbidden:
		c.log(logs.Error, "WSGI0136: Attempt to invoke directory as WSGI application: "+c.script.Path)
		kind, err = gateway.Forbidden, errNotScript
	case ring.Timeout:
		kind, err = gateway.Timeout, errTimeout
	case ring.Aborted:
		kind, err = gateway.Aborted, errCut
	case ring.Gone: // it was not cancelled here
		c.log(logs.Error, fmt.Sprintf("%s %s: %v, after %v", c.req.Method, c.req.URI, errStops, c.ran()))
		kind, err = gateway.Gone, errStops
	}
	return &gateway.Error{Kind: kind, Err: err}
}

// bodyless reports statuses that never have a body (RFC 9110, section 6.4.1).
func bodyless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// sendComplete sends a response that came in one.
func (c *call) sendComplete() error {
	body, h := c.whole, &c.head
	// The answer to HEAD may be that of GET without its body, whose length
	// is not known then.
	if h.ContentLength < 0 && !bodyless(h.Status) && (len(body) > 0 || c.req.Method != http.MethodHead) {
		h.ContentLength = int64(len(body))
	}
	if err := c.writeHead(); err != nil {
		return err
	}
	if len(body) > 0 {
		_, _ = c.w.Write(body) // an error is a client that left: nothing follows
	}
	return nil
}

// file sends a response whose body is a file, which comes on a way of its own.
func (c *call) file(dead bool) (outcome, error) {
	f := c.p.claim(c)
	switch {
	case f != nil:
		c.release()
		return over, c.sendFile(f)
	case dead:
		return c.gone()
	case c.ctx.Err() != nil:
		c.release()
		return over, c.aborted()
	case c.told(silent) && !c.notSilent():
		c.release()
		return over, c.timeout()
	}
	return goOn, nil
}

// claim returns the file that was delivered for c, or nil.
func (p *Process) claim(c *call) *os.File {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	index := c.slot.Index()
	f := p.files[index]
	p.files[index] = nil
	return f
}

func (c *call) sendFile(f *os.File) error {
	defer f.Close()
	if err := c.writeHead(); err != nil {
		return err
	}
	_, _ = c.w.SendFile(f, c.result.Count) // a short file shows in the body's length
	return nil
}
