package daemon

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/reply"
	"github.com/gophersnake/gophersnake/internal/ring"
)

// errStops is the cause of a gateway.Error; the process has logged the details.
var errStops = errors.New("the process stopped in the middle of the request")

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
		case len(c.buf) > flat.MaxHead:
			return c.broken(fmt.Errorf("a head of %d bytes: %w", len(c.buf), ring.ErrBroken))
		case p.Asks: // which is no sign that there will be an answer
			if what := c.asked(); what != goOn {
				return what, nil
			}
			continue
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
		if err := (*checked)(c).WriteHead(&c.head.Head); err != nil {
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

// asked ends the request if its client has left, of which the writer knows then.
func (c *call) asked() outcome {
	if watcher, ok := c.w.(gateway.LeaveWatcher); !ok || !watcher.Left() {
		return goOn
	}
	c.abandon()
	return over
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

// parse decodes a flat head into c.head and returns the body behind it.
func (c *call) parse(data []byte) (body []byte, err error) {
	if body, err = c.head.Parse(data); err != nil {
		return nil, fmt.Errorf("%w: %w", ring.ErrBroken, err)
	}
	return body, nil
}

// checked is a call as the ResponseWriter that its response goes through.
type checked call

var _ gateway.ResponseWriter = (*checked)(nil)

// WriteHead hands on the head, unless another path is to answer. Its error is
// one for App.Serve.
func (c *checked) WriteHead(h *gateway.Head) error {
	limit := c.g.o.headerLine()
	for i := range h.Fields {
		f := &h.Fields[i]
		if n := len(f.Name) + len(": ") + len(f.Value); n > limit {
			return (*call)(c).fail(fmt.Errorf("WSGI0144: response header line of %d bytes is longer than the %d of header-buffer-size", n, limit))
		}
		if h.Status == http.StatusOK && redirects(f) {
			return &gateway.Redirect{Location: f.Value}
		}
	}
	if err := c.w.WriteHead(h); err != nil {
		return (*call)(c).fail(fmt.Errorf("send response: %w", err))
	}
	c.sent = true
	return nil
}

func (c *checked) Write(p []byte) (int, error)                 { return c.w.Write(p) }
func (c *checked) Flush() error                                { return c.w.Flush() }
func (c *checked) SendFile(f *os.File, n int64) (int64, error) { return c.w.SendFile(f, n) }

// redirects reports the header with which a response of status 200 asks for an
// internal redirect.
func redirects(f *gateway.Field) bool {
	return len(f.Value) > 0 && f.Value[0] == '/' && len(f.Name) == len("Location") && strings.EqualFold(f.Name, "Location")
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
		return over, c.head.Complete((*checked)(c), c.req.Method, c.whole)
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
		c.log(logs.Debug, reply.Excess(c.result.Length))
	}
	return nil
}

// verdict turns an end without a response of its own into an error.
func (c *call) verdict() error {
	if c.result.Kind == ring.Gone { // it was not cancelled here
		c.log(logs.Error, fmt.Sprintf("%s %s: %v, after %v", c.req.Method, c.req.URI, errStops, c.ran()))
		return &gateway.Error{Kind: gateway.Gone, Err: errStops}
	}
	message, err := reply.Kind(c.result.Kind).Verdict(c.script.Path)
	if message != "" {
		c.log(logs.Error, message)
	}
	return err
}

// file sends a response whose body is a file, which comes on a way of its own.
func (c *call) file(dead bool) (outcome, error) {
	f := c.p.claim(c)
	switch {
	case f != nil:
		c.release()
		return over, c.head.File((*checked)(c), f, c.result.Count)
	case dead:
		return c.gone()
	case c.told(fileLost):
		c.release()
		err := busy("no descriptor was left for the file that answers %s %s; repair: raise the limit of open files (ulimit -n, LimitNOFILE=)", c.req.Method, c.req.URI)
		c.log(logs.Error, err.Error())
		return over, err
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
