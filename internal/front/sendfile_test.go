package front

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gophersnake/gophersnake/internal/dispatch"
	"github.com/gophersnake/gophersnake/internal/gateway"
)

// countingListener counts the bytes that its connections are given as files.
type countingListener struct {
	net.Listener
	files atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countingConn{c.(*net.TCPConn), l}, nil
}

type countingConn struct {
	*net.TCPConn
	l *countingListener
}

// ReadFrom is where net uses sendfile(2), if src is a file or part of one.
func (c *countingConn) ReadFrom(src io.Reader) (int64, error) {
	limited, ok := src.(*io.LimitedReader)
	n, err := c.TCPConn.ReadFrom(src)
	if ok {
		if _, file := limited.R.(*os.File); file {
			c.l.files.Add(n)
		}
	}
	return n, err
}

// Static files, and those of applications, are sent with sendfile(2), but for
// the bytes that travel with the head.
func TestFilesReachSendfile(t *testing.T) {
	const size = 1 << 20
	name := filepath.Join(t.TempDir(), "f.bin")
	if err := os.WriteFile(name, []byte(strings.Repeat("x", size)), 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := dispatch.New(dispatch.Options{Aliases: []dispatch.Alias{{URL: "/f.bin", Path: name}}})
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Table: table, App: with(func(w gateway.ResponseWriter) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := w.WriteHead(&gateway.Head{Status: 200, ContentLength: size}); err != nil {
			return err
		}
		_, err = w.SendFile(f, size)
		return err
	})})
	below, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &countingListener{Listener: below}
	var done sync.WaitGroup
	done.Go(func() { _ = s.Serve(l) })
	defer done.Wait()
	defer s.Shutdown(t.Context())
	for _, path := range []string{"/f.bin", "/app"} {
		l.files.Store(0)
		if r := get(t, &site{addr: below.Addr().String()}, path); len(r.body) != size {
			t.Errorf("%s: got %d bytes", path, len(r.body))
		}
		if n := l.files.Load(); n < size-4096 {
			t.Errorf("%s: %d bytes by sendfile", path, n)
		}
	}
}
