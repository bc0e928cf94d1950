package wsgi

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/pyhome"
	"github.com/gophersnake/gophersnake/internal/python"
)

// null is a ResponseWriter that drops everything.
type null struct{}

var _ gateway.ResponseWriter = null{}

func (null) WriteHead(*gateway.Head) error               { return nil }
func (null) Write(p []byte) (int, error)                 { return len(p), nil }
func (null) Flush() error                                { return nil }
func (null) SendFile(_ *os.File, n int64) (int64, error) { return n, nil }

// benchmarked starts the newest Python of the machine, or that of
// GOPHERSNAKE_TEST_HOME, once for all benchmarks.
var benchmarked = sync.OnceValues(func() (*python.Runtime, error) {
	home := os.Getenv(homeVariable)
	if home == "" {
		for _, c := range pyhome.List(context.Background()) {
			if c.Installation != nil {
				home = c.Home
				break
			}
		}
	}
	found, err := pyhome.Find(context.Background(), home)
	if err != nil {
		return nil, err
	}
	return python.Start(python.Options{Library: found.Library, Program: found.Executable, Threads: 4, Backlog: backlog, QueueTimeout: time.Hour, Log: logs.Discard{}})
})

const helloScript = `
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "14")])
    return [b"Hello, world!\n"]
`

func benchmarkApp(b *testing.B, source string) *python.App {
	b.Helper()
	rt, err := benchmarked()
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "app.py")
	if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
		b.Fatal(err)
	}
	return rt.App(python.Script{Path: path, Callable: "application", Reloading: true})
}

// hello is a request as wrk sends it.
func hello() *gateway.Request {
	return &gateway.Request{
		ID: "abcdefgh-1", Start: time.Now(), Method: "GET", URI: "/", Proto: "HTTP/1.1", Scheme: "http",
		PathInfo: "/", Host: "127.0.0.1:8000", ServerName: "127.0.0.1", ServerPort: "8000", Header: http.Header{},
		Conn: &gateway.Conn{RemoteAddr: "127.0.0.1", RemotePort: "40000", LocalAddr: "127.0.0.1", LocalPort: "8000"},
	}
}

func serveMany(b *testing.B, app *python.App, group string) {
	r := hello()
	r.ApplicationGroup = group
	ctx := context.Background()
	if err := app.Serve(ctx, r, null{}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := app.Serve(ctx, r, null{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHello(b *testing.B) {
	app := benchmarkApp(b, helloScript)
	b.Run("main", func(b *testing.B) { serveMany(b, app, "") })
	b.Run("sub", func(b *testing.B) { serveMany(b, app, "sub") })
}

// BenchmarkBrowser has the headers of a browser.
func BenchmarkBrowser(b *testing.B) {
	app := benchmarkApp(b, helloScript)
	r := hello()
	for name, value := range map[string]string{
		"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
		"Accept":     "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Language": "en-US,en;q=0.5",
		"Accept-Encoding": "gzip, deflate, br", "Connection": "keep-alive", "Cookie": "sessionid=0123456789abcdef",
		"Referer": "https://example.com/page", "Sec-Fetch-Dest": "document", "Upgrade-Insecure-Requests": "1",
	} {
		r.Header.Set(name, value)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := app.Serve(context.Background(), r, null{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLazy has an iterable that is read ahead.
func BenchmarkLazy(b *testing.B) {
	serveMany(b, benchmarkApp(b, `
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"Hello, "
    yield b"world!\n"
`), "")
}

// BenchmarkParallel has more goroutines than threads in Python.
func BenchmarkParallel(b *testing.B) {
	app := benchmarkApp(b, helloScript)
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		r := hello()
		for pb.Next() {
			if err := app.Serve(context.Background(), r, null{}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
