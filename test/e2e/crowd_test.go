package e2e

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// preface begins a connection of HTTP/2 whose client takes nothing of any stream
// (SETTINGS_INITIAL_WINDOW_SIZE is 0).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00"

// frame is one of HTTP/2.
func frame(kind, flags byte, stream uint32, payload string) string {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	head = binary.BigEndian.AppendUint32(append(head, flags), stream)
	return string(head) + payload
}

// literal is a header of HPACK, RFC 7541, whose name has a number below 15, or
// between 15 and 142.
func literal(name byte, value string) string {
	if name < 15 {
		return string([]byte{name, byte(len(value))}) + value
	}
	return string([]byte{15, name - 15, byte(len(value))}) + value
}

// streams are the heads of n requests for a path: of a GET, or of a POST with a
// body of this length, of which a byte follows.
func streams(n int, path string, length int) string {
	var b strings.Builder
	for i := range n {
		id := uint32(2*i + 1)
		fields := "\x86" + literal(4, path) + literal(1, "x") // http
		if length == 0 {
			b.WriteString(frame(1, 5, id, "\x82"+fields))
			continue
		}
		b.WriteString(frame(1, 4, id, "\x83"+fields+literal(28, strconv.Itoa(length))))
		b.WriteString(frame(0, 0, id, "a"))
	}
	return b.String()
}

// memoryOf returns the resident size of a process without what it shares, in
// kilobytes.
func (p *process) memoryOf(pid int) (kB int) {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			if _, err := fmt.Sscan(value, &kB); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	return kB
}

// attack opens connections that each send text and are kept. It returns what closes
// them all.
func (p *process) attack(n int, text string) (end func()) {
	p.t.Helper()
	var conns []net.Conn
	var reading sync.WaitGroup
	for range n {
		c := p.dial()
		conns = append(conns, c)
		reading.Go(func() { _, _ = io.Copy(io.Discard, c) }) // frames, until the end
		if _, err := io.WriteString(c, text); err != nil {
			p.t.Log(err) // the server may have had enough
		}
	}
	return func() {
		for _, c := range conns {
			c.Close()
		}
		reading.Wait()
	}
}

// TestMemoryOfAttackers: requests that promise a body and send a byte of it cost
// little, and what they cost comes back when they have left.
func TestMemoryOfAttackers(t *testing.T) {
	t.Parallel()
	plain, err := plainProgram()
	if err != nil {
		t.Fatal(err)
	}
	for _, daemon := range []bool{true, false} {
		t.Run(fmt.Sprint("daemon ", daemon), func(t *testing.T) {
			p := launch{dir: appDir(t), binary: plain, daemon: daemon, args: []string{"--log-level", "warn", "app.py"}}.start(t)
			pid := p.httpPID()
			for range 3 { // what is needed once
				p.mixedUploads(200)
			}
			start := p.memoryOf(pid)
			end := p.attack(20, preface+streams(100, "/read", 65536))
			var most int
			eventually(t, "all requests are being read", func() bool {
				most = max(most, p.memoryOf(pid))
				return most > start+20<<10
			})
			p.expect("/", 200, "Hello World!\n")
			most = max(most, p.memoryOf(pid))
			end()
			eventually(t, "memory is back", func() bool { return p.memoryOf(pid) <= start+10<<10 })
			t.Logf("%d kB before, %d during, %d after", start, most, p.memoryOf(pid))
			if most > start+80<<10 {
				t.Errorf("%d kB for 2,000 requests of which nothing has come", most-start)
			}
		})
	}
}

// mixedUploads sends n requests with bodies, some at a time.
func (p *process) mixedUploads(n int) {
	p.t.Helper()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range n / 8 {
				body := strings.Repeat("a", 10_000*(i%10))
				if r := p.do("POST", "/read", nil, strings.NewReader(body)); r.StatusCode != 200 {
					p.t.Errorf("got %s", r.Status)
				}
			}
		})
	}
	wg.Wait()
}

// TestDescriptorsRunOut: connections that do nothing, and files of which nothing is
// taken, do not keep the server from accepting and answering, and nothing that is
// there is said not to be.
func TestDescriptorsRunOut(t *testing.T) {
	t.Parallel()
	for _, daemon := range []bool{true, false} {
		t.Run(fmt.Sprint("daemon ", daemon), func(t *testing.T) {
			t.Parallel()
			dir := appDir(t)
			if err := os.Truncate(write(t, dir, "big.bin", ""), largeFile); err != nil {
				t.Fatal(err)
			}
			write(t, dir, "small.txt", "small")
			p := launch{dir: dir, daemon: daemon, before: []string{"sh", "-c", `ulimit -n 200; exec "$0" "$@"`},
				args: []string{"--log-level", "warn", "--url-alias", "/static", ".", "app.py"}}.start(t)
			p.expect("/", 200, "Hello World!\n")
			defer p.attack(10, preface+streams(100, "/static/big.bin", 0))()
			for range 80 {
				c := p.dial()
				if err := c.SetReadBuffer(narrow); err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(c, "GET /static/big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
			}
			for range 300 {
				p.dial()
			}
			refused := 0
			for range 20 {
				p.expect("/", 200, "Hello World!\n")
				switch r := p.get("/static/small.txt"); r.StatusCode {
				case 200:
				case 503:
					refused++
				default:
					t.Errorf("a file: got %s", r.Status)
				}
			}
			t.Logf("%d of 20 files are refused", refused)
			p.stderr.await(t, "too many connections")
		})
	}
}
