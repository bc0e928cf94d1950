package front

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/framing"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

func TestKeepAliveAndPipelining(t *testing.T) {
	s := start(t, Options{App: app(func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		return answer(w, r.PathInfo+string(r.Prefix))
	})})
	c := dial(t, s)
	r := bufio.NewReader(c)
	var in, want strings.Builder
	for i := range 50 {
		fmt.Fprintf(&in, "POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i, i)
		fmt.Fprintf(&want, "/%dabc/%d", i, i)
	}
	for range 2 {
		if _, err := io.WriteString(c, in.String()); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for range 100 {
			got.WriteString(read(t, r, "GET").body)
		}
		if got.String() != want.String() {
			t.Errorf("got %q", got.String())
		}
	}
}

func TestHTTP10KeepAlive(t *testing.T) {
	s := start(t, Options{App: hello{}})
	r := bufio.NewReader(send(t, s, strings.Repeat("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 2)))
	for range 2 {
		if got := read(t, r, "GET"); got.StatusCode != 200 || got.Close {
			t.Errorf("got %s, close %v", got.Status, got.Close)
		}
	}
}

// misbehave is what clients do that must harm nobody else.
var misbehave = map[string]func(t *testing.T, c *net.TCPConn){
	"nothing at all": func(*testing.T, *net.TCPConn) {},
	"leaves at once": func(_ *testing.T, c *net.TCPConn) { c.Close() },
	"half a head":    func(_ *testing.T, c *net.TCPConn) { io.WriteString(c, "GET / HTTP/1.1\r\nHo") },
	"half a body": func(_ *testing.T, c *net.TCPConn) {
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
	},
	"resets": func(_ *testing.T, c *net.TCPConn) { io.WriteString(c, helloRequest); c.SetLinger(0); c.Close() },
	"bad chunk": func(_ *testing.T, c *net.TCPConn) {
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
	},
	"TLS":             func(_ *testing.T, c *net.TCPConn) { io.WriteString(c, "\x16\x03\x01\x02\x00\x01") },
	"never reads":     func(_ *testing.T, c *net.TCPConn) { io.WriteString(c, strings.Repeat(helloRequest, 10000)) },
	"HTTP/2, no more": func(_ *testing.T, c *net.TCPConn) { io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") },
	"HTTP/2, garbage": func(_ *testing.T, c *net.TCPConn) {
		io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff")
	},
	"10 MB of headers": func(t *testing.T, c *net.TCPConn) {
		io.WriteString(c, "GET / HTTP/1.1\r\n")
		for range 10000 {
			if _, err := io.WriteString(c, "X: "+strings.Repeat("a", 1000)+"\r\n"); err != nil {
				return
			}
		}
	},
}

func TestMisbehavingClients(t *testing.T) {
	s := start(t, Options{App: hello{}, ChunkedRequest: true, SocketTimeout: time.Second, HeaderRate: framing.Rate{Initial: time.Second}})
	for name, act := range misbehave {
		var acting sync.WaitGroup
		for range 8 {
			c := dial(t, s)
			c.SetDeadline(time.Now().Add(3 * time.Second))
			acting.Go(func() { act(t, c) })
		}
		for range 10 {
			if r := get(t, s, "/"); r.body != string(helloBody) {
				t.Errorf("beside %s: got %s", name, r.Status)
			}
		}
		acting.Wait()
	}
	poll(t, "the end of all requests", func() bool { return s.Active() == 0 })
	if found := s.find("panic"); len(found) > 0 {
		t.Error(found)
	}
}

func TestContextEndsWithClient(t *testing.T) {
	running, ended := make(chan bool), make(chan error)
	s := start(t, Options{App: app(func(ctx context.Context, _ *gateway.Request, w gateway.ResponseWriter) error {
		running <- true
		<-ctx.Done()
		ended <- ctx.Err()
		return answer(w, "")
	})})
	c := send(t, s, helloRequest)
	<-running
	c.Close()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Running requests finish, new connections are refused, idle ones closed.
func TestShutdown(t *testing.T) {
	running, finish := make(chan bool), make(chan bool)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{record: &record{}, addr: l.Addr().String()}
	s.Server = New(Options{Log: s.record, App: app(func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		if r.PathInfo == "/slow" {
			running <- true
			<-finish
		}
		return answer(w, "done")
	})})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()

	idle := send(t, s, helloRequest)
	idleReader := bufio.NewReader(idle)
	read(t, idleReader, "GET")
	busy := send(t, s, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	<-running
	if s.Active() != 1 {
		t.Errorf("%d active", s.Active())
	}
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := idleReader.ReadByte(); err != io.EOF {
		t.Errorf("the idle connection goes on: %v", err)
	}
	if c, err := net.Dial("tcp", s.addr); err == nil {
		c.Close()
		t.Error("a new connection was accepted")
	}
	close(finish)
	if got := read(t, bufio.NewReader(busy), "GET"); got.body != "done" {
		t.Errorf("got %q", got.body)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

// When the time is up, connections are closed; the application is not waited for.
func TestShutdownByForce(t *testing.T) {
	running, finish := make(chan bool), make(chan bool)
	s := New(Options{App: app(func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		running <- true
		<-finish
		return answer(w, "done")
	})})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c := send(t, &site{addr: l.Addr().String()}, helloRequest)
	<-running
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "1 requests") {
		t.Error(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection goes on")
	}
	close(finish)
	poll(t, "the application", func() bool { return s.Active() == 0 })
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// flaky is a listener that cannot accept the first times.
type flaky struct {
	net.Listener
	failures []error
}

func (f *flaky) Accept() (net.Conn, error) {
	if len(f.failures) > 0 {
		err := f.failures[0]
		f.failures = f.failures[1:]
		return nil, err
	}
	return f.Listener.Accept()
}

func TestAcceptErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := &record{}
	s := New(Options{App: hello{}, Log: log})
	served := make(chan error, 1)
	go func() {
		served <- s.Serve(&flaky{l, []error{syscall.EMFILE, syscall.EMFILE, syscall.EPERM, errors.New("odd")}})
	}()
	if r := get(t, &site{addr: l.Addr().String()}, "/"); r.StatusCode != 200 {
		t.Errorf("got %s", r.Status)
	}
	if found := log.find("Accept error"); len(found) != 3 || found[0].Level != logs.Error {
		t.Errorf("logged %v", found)
	}
	l.Close()
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestAccessLog(t *testing.T) {
	s := start(t, Options{App: app(func(_ context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
		return respond(w, 201, "12345")
	})})
	ask(t, s, "PUT /a%20b?c=d HTTP/1.0\r\nHost: Name:99\r\nReferer: r\r\nUser-Agent: u\r\n\r\n")
	poll(t, "the entry", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.entries) == 1 })
	e := s.entries[0]
	if e.RemoteAddr != "127.0.0.1" || e.RemotePort == "" || e.RequestLine != "PUT /a%20b?c=d HTTP/1.0" || e.Path != "/a b" || e.Query != "c=d" ||
		e.Status != 201 || e.BytesSent != 5 || e.Referer != "r" || e.UserAgent != "u" || e.ServerName != "name" || e.ServerPort != "99" ||
		e.RequestID == "" || e.Time.IsZero() || e.Duration <= 0 {
		t.Errorf("got %+v", e)
	}
}

// What is refused before there is a request gets a status page, and one line in
// each log.
func TestRefusalIsLogged(t *testing.T) {
	for head, why := range map[string]string{
		"GET / HTTP/1.1\r\nHost : x\r\n\r\n":           "whitespace between header name and colon",
		"GET / HTTP/1.1\r\n\r\n":                       "HTTP/1.1 without Host",
		"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n": "more than one Host",
		"GET / HTTP/1.1\r\nHost: a b\r\n\r\n":          "malformed Host",
		"GET a HTTP/1.1\r\nHost: x\r\n\r\n":            "malformed target in the request line",
	} {
		s := start(t, Options{App: hello{}})
		got := raw(t, s, head)
		if !strings.HasPrefix(got, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html") || !strings.HasSuffix(got, "<h1>400 Bad Request</h1>\n") {
			t.Errorf("%q: got %q", head, got)
		}
		found := s.find("")
		if len(found) != 1 || found[0].Message != "request refused with 400: "+why || found[0].Level != logs.Info || !strings.HasPrefix(found[0].Client, "127.0.0.1:") {
			t.Errorf("%q: logged %v", head, found)
		}
		if len(s.entries) != 1 || s.entries[0].Status != 400 {
			t.Errorf("%q: entries %v", head, s.entries)
		}
	}
}

func TestHostIsOptionalInHTTP10(t *testing.T) {
	s := start(t, Options{App: hello{}})
	if r := ask(t, s, "GET / HTTP/1.0\r\n\r\n"); r.StatusCode != 200 || len(s.find("")) != 0 {
		t.Errorf("got %s, logged %v", r.Status, s.find(""))
	}
}

func TestLimits(t *testing.T) {
	s := start(t, Options{App: hello{}})
	request := func(line int, headers int, value int) string {
		in := "GET /" + strings.Repeat("a", line-len("GET / HTTP/1.1")) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		in += strings.Repeat("X: y\r\n", headers-3)
		return in + "Y: " + strings.Repeat("a", value-3) + "\r\n\r\n"
	}
	for _, c := range []struct{ line, headers, value, status int }{
		{8190, 3, 3, 200}, {8191, 3, 3, 414},
		{14, 100, 3, 200}, {14, 101, 3, 431},
		{14, 3, 8190, 200}, {14, 3, 8191, 431},
	} {
		if r := ask(t, s, request(c.line, c.headers, c.value)); r.StatusCode != c.status {
			t.Errorf("%+v: got %s", c, r.Status)
		}
	}
}

func TestHeaderTimeout(t *testing.T) {
	s := start(t, Options{App: hello{}, HeaderRate: framing.Rate{Initial: 50 * time.Millisecond}})
	for _, in := range []string{"G", "GET / HTTP/1.1\r\nHost", "GET / HTTP/1.1\r\nHost: x\r\n"} {
		if got := raw(t, s, in); !strings.HasPrefix(got, "HTTP/1.1 408 Request Timeout\r\n") || strings.Count(got, "HTTP/1.1") != 1 {
			t.Errorf("%q: got %q", in, got)
		}
	}
	if got := raw(t, s, ""); got != "" {
		t.Errorf("got %q", got)
	}
	if found := s.find("not complete in time"); len(found) != 3 {
		t.Errorf("logged %v", s.find(""))
	}
}

func TestIdleTimeout(t *testing.T) {
	s := start(t, Options{App: hello{}, IdleTimeout: 50 * time.Millisecond})
	if got := raw(t, s, helloRequest); !strings.HasSuffix(got, string(helloBody)) {
		t.Errorf("got %q", got)
	}
}

func TestDefaults(t *testing.T) {
	o := Options{}.withDefaults()
	if o.HeaderRate != defaultHeaderRate || o.BodyRate != defaultBodyRate || o.ReadAhead != 1<<20 || o.IdleTimeout != 75*time.Second || o.SocketTimeout != time.Minute ||
		o.LimitRequestBody != 10485760 || o.ServerPort != "80" || o.Scheme != "http" || o.Limits.Headers != 100 {
		t.Errorf("got %+v", o)
	}
	none := framing.Rate{Initial: NoLimit}
	o = Options{Scheme: "https", HeaderRate: none, BodyRate: none, ReadAhead: NoLimit, IdleTimeout: NoLimit, SocketTimeout: NoLimit, LimitRequestBody: NoLimit}.withDefaults()
	if o.HeaderRate != (framing.Rate{}) || o.BodyRate != (framing.Rate{}) || o.ReadAhead != 0 || o.IdleTimeout != 0 || o.SocketTimeout != 0 || o.LimitRequestBody != NoLimit || o.ServerPort != "443" {
		t.Errorf("got %+v", o)
	}
}

func TestNoTimeouts(t *testing.T) {
	s := start(t, Options{App: hello{}, HeaderRate: framing.Rate{Initial: NoLimit}, IdleTimeout: NoLimit, SocketTimeout: NoLimit})
	if r := get(t, s, "/"); r.StatusCode != 200 {
		t.Errorf("got %s", r.Status)
	}
}

func TestErrorLogLevels(t *testing.T) {
	log := &record{}
	for line, want := range map[string]logs.Level{
		"http: panic serving x": logs.Crit, "http: Accept error: x": logs.Error, "http: something else\n": logs.Debug,
	} {
		if n, err := (errorLog{log}).Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
		if last := log.lines[len(log.lines)-1]; last.Level != want || last.Message != strings.TrimSpace(line) || last.Module != "http" {
			t.Errorf("got %+v", last)
		}
	}
}

func TestClientText(t *testing.T) {
	for _, c := range [][3]string{{"1.2.3.4", "5", "1.2.3.4:5"}, {"::1", "5", "[::1]:5"}, {"", "", ""}} {
		if got := client(c[0], c[1]); got != c[2] {
			t.Errorf("got %q, want %q", got, c[2])
		}
	}
}
