package wsgi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// client is one connection, used as the text of a case says.
type client struct {
	conn    *net.TCPConn
	reader  *bufio.Reader
	methods []string // of requests without a response yet
}

func dial(address string) (*client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(3 * patience)); err != nil {
		return nil, err
	}
	return &client{conn: conn.(*net.TCPConn), reader: bufio.NewReader(conn)}, nil
}

// request sends a request, with what its head lacks.
func (c *client) request(text string) error {
	head, body, hasBody := strings.Cut(text, "\n\n")
	head = strings.TrimSuffix(head, "\n")
	lower := strings.ToLower(head)
	if !strings.Contains(lower, "\nhost:") {
		head += "\nHost: localhost"
	}
	if hasBody && !strings.Contains(lower, "\ncontent-length:") && !strings.Contains(lower, "\ntransfer-encoding:") {
		head += "\nContent-Length: " + strconv.Itoa(len(body))
	}
	c.methods = append(c.methods, strings.Fields(head)[0])
	return c.write(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body)
}

// write sends bytes. A server that has answered and closed is no error.
func (c *client) write(text string) error {
	_, err := io.WriteString(c.conn, text)
	if err != nil && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "broken pipe") {
		return err
	}
	return nil
}

func (c *client) closeWrite() error { return c.conn.CloseWrite() }

// answer is a response as it arrived.
type answer struct {
	status string
	header http.Header
	body   string
	cut    bool // it ended too early
	last   bool // the connection is of no more use
}

// response reads the next response.
func (c *client) response() (*answer, error) {
	if len(c.methods) == 0 {
		return nil, fmt.Errorf("every request has its response")
	}
	r, err := http.ReadResponse(c.reader, &http.Request{Method: c.methods[0]})
	if err != nil {
		return nil, fmt.Errorf("read response: %w", err)
	}
	body, err := io.ReadAll(r.Body)
	if r.StatusCode >= 200 {
		c.methods = c.methods[1:]
	}
	if len(r.TransferEncoding) > 0 {
		r.Header["Transfer-Encoding"] = r.TransferEncoding
	}
	return &answer{
		status: r.Proto + " " + r.Status,
		header: r.Header,
		body:   string(body),
		cut:    err != nil,
		last:   err != nil || r.Close,
	}, nil
}

// expected is what a response section asks for.
type expected struct {
	status string
	header http.Header
	absent []string
	body   string
	re     *regexp.Regexp // in place of body
	cut    bool
}

func parseResponse(p *step, script string) (*expected, error) {
	head, body, _ := strings.Cut(p.text, "\n\n")
	status, fields, _ := strings.Cut(strings.TrimSuffix(head, "\n"), "\n")
	e := &expected{header: http.Header{}, cut: p.has("cut")}
	var err error
	if e.status, err = expand(status, script); err != nil {
		return nil, err
	}
	if fields, err = expand(fields, script); err != nil {
		return nil, err
	}
	for line := range strings.Lines(fields) {
		line = strings.TrimRight(line, "\n")
		if name, found := strings.CutPrefix(line, "!"); found {
			e.absent = append(e.absent, name)
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		e.header.Add(textproto.TrimString(name), textproto.TrimString(value))
	}
	body = strings.TrimSuffix(body, "\n")
	if p.has("~") {
		body = strings.NewReplacer("$SCRIPT", regexp.QuoteMeta(script)).Replace(body)
		e.re, err = regexp.Compile("(?s)^(?:" + body + ")$")
		return e, err
	}
	e.body, err = expand(body, script)
	return e, err
}

// compare returns what is different, if anything.
func (e *expected) compare(got *answer) error {
	if got.status != e.status {
		return fmt.Errorf("status %q, want %q; body %q", got.status, e.status, abbreviate(got.body))
	}
	for name, values := range e.header {
		if !slices.Equal(got.header.Values(name), values) {
			return fmt.Errorf("header %s: %q, want %q", name, got.header.Values(name), values)
		}
	}
	for _, name := range e.absent {
		if got.header.Values(name) != nil {
			return fmt.Errorf("header %s: %q, want none", name, got.header.Values(name))
		}
	}
	switch {
	case e.re != nil && !e.re.MatchString(got.body):
		return fmt.Errorf("body\n%s\ndoes not match\n%s", abbreviate(got.body), e.re)
	case e.re == nil && got.body != e.body:
		return fmt.Errorf("body (%d bytes)\n%s\nwant (%d bytes)\n%s",
			len(got.body), abbreviate(got.body), len(e.body), abbreviate(e.body))
	case got.cut != e.cut:
		return fmt.Errorf("cut: %t, want %t", got.cut, e.cut)
	}
	return nil
}

func abbreviate(s string) string {
	if len(s) > 2000 {
		return s[:1000] + "[...]" + s[len(s)-900:]
	}
	return s
}
