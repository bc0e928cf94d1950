package e2e

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// held is a request that waits in the application.
type held struct {
	answer chan response
	failed chan error
	open   func()
}

// holdOne sends a request that runs until it is opened.
func (p *process) holdOne() *held {
	p.t.Helper()
	h := &held{answer: make(chan response, 1), failed: make(chan error, 1), open: gate(p.t, p.dir, "gate")}
	c := client(p.t)
	go func() {
		r, err := read(c.Get(p.url + "/hold"))
		if err != nil {
			h.failed <- err
			return
		}
		h.answer <- r
	}()
	p.stderr.await(p.t, `holding`)
	return h
}

// A running request finishes and is answered, nobody new is let in, what the
// application registered for the exit is run, and the status is 0.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			p := serve(t)
			idle := p.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			idleReader := bufio.NewReader(idle)
			if r := answerOf(t, idleReader); r.StatusCode != 200 || r.Close {
				t.Fatalf("%s, close %v", r.Status, r.Close)
			}
			h := p.holdOne()
			p.signal(sig)
			p.stderr.await(t, `\[core:notice\] .*caught `+sig.String()+`, stopping when running requests are done`)
			eventually(t, "new connections are refused", func() bool {
				c, err := net.Dial("tcp", p.addr)
				if err == nil {
					c.Close()
				}
				return err != nil
			})
			if _, err := idleReader.ReadByte(); err != io.EOF {
				t.Errorf("an idle connection: %v, want its end", err)
			}
			if p.stderr.count("exit handler was run") != 0 {
				t.Error("exit handlers ran before the last request was done")
			}
			h.open()
			p.wait()
			select {
			case r := <-h.answer:
				if r.StatusCode != 200 || r.body != "released\n" || !r.Close {
					t.Errorf("the running request got %s %q", r.Status, r.body)
				}
			case err := <-h.failed:
				t.Errorf("the running request: %v", err)
			}
			p.stderr.await(t, `\[wsgi:info\] .*exit handler was run$`)
		})
	}
}

func TestStopIdle(t *testing.T) {
	t.Parallel()
	p := serve(t)
	p.stop()
	p.stderr.await(t, `exit handler was run`)
}

// A second signal does not wait for anything.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	p := launch{dir: appDir(t), args: []string{"--graceful-timeout", "3600", "--shutdown-timeout", "3600", "app.py"}, status: 1}.start(t)
	h := p.holdOne()
	p.signal(syscall.SIGTERM)
	p.stderr.await(t, `caught terminated`)
	p.signal(syscall.SIGINT)
	p.wait()
	p.stderr.await(t, `\[core:error\] .*stopped at once by a second signal`)
	if err := <-h.failed; err == nil {
		t.Error("the request was answered")
	}
}

// A request that takes longer than the grace is cut off, and the status says so.
func TestGraceIsOver(t *testing.T) {
	t.Parallel()
	p := launch{dir: appDir(t), args: []string{"--graceful-timeout", "1", "--shutdown-timeout", "1", "app.py"}, status: 1}.start(t)
	h := p.holdOne()
	p.stop()
	p.stderr.await(t, `\[core:error\] .*requests still run after 1s \(graceful-timeout\)`)
	p.stderr.await(t, `wait for requests inside Python: exit handlers still run after 1s \(shutdown-timeout\)`)
	if err := <-h.failed; err == nil {
		t.Error("the request was answered")
	}
}

const streamAndWorkScript = `
import atexit
import time

atexit.register(print, "exit handler was run")

def events():
    try:
        while True:
            yield b"data: 1\n\n"
            time.sleep(0.01)
    finally:
        print("the stream has ended")

def application(environ, start_response):
    if environ["PATH_INFO"] == "/events":
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return events()
    print("working")
    with open("gate") as gate:
        gate.readline()
    print("the work is done")
    start_response("200 OK", [])
    return []
`

// A stream that was cut off takes nobody's place: a request whose work is not done is
// waited for as long as shutdown-timeout allows, also when the stream has ended.
func TestStreamEndsBeforeWork(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "app.py", streamAndWorkScript)
	p := launch{dir: dir, args: []string{"--graceful-timeout", "1", "--shutdown-timeout", "60", "app.py"}, status: 1}.start(t)
	if _, err := p.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n").Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	open := gate(t, dir, "gate")
	p.send("GET /work HTTP/1.1\r\nHost: x\r\n\r\n")
	p.stderr.await(t, `working`)
	p.signal(syscall.SIGTERM)
	p.stderr.await(t, `were cut off`)
	p.stderr.await(t, `the stream has ended`)
	select {
	case <-p.exited:
		t.Error("the server has ended")
	case <-time.After(1500 * time.Millisecond): // longer than streams are given
	}
	if n := p.stderr.count(`exit handler was run`); n != 0 {
		t.Error("exit handlers have been run")
	}
	open()
	p.wait()
	p.stderr.await(t, `the work is done`)
	p.stderr.await(t, `exit handler was run`)
}

// Limits of 0 are none: the request is answered, however long it takes, and then
// exit handlers are run.
func TestStopWithoutLimits(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, l launch) {
		l.dir, l.args = appDir(t), []string{"--graceful-timeout", "0", "--shutdown-timeout", "0", "app.py"}
		p := l.start(t)
		h := p.holdOne()
		p.signal(syscall.SIGTERM)
		p.stderr.await(t, `caught terminated`)
		select {
		case err := <-h.failed:
			t.Errorf("the request: %v", err)
		case <-p.exited:
			t.Error("the server has ended")
		case <-time.After(1500 * time.Millisecond): // longer than any limit that 0 might be taken for
		}
		h.open()
		p.wait()
		if r := <-h.answer; r.body != "released\n" {
			t.Errorf("the running request got %q", r.body)
		}
		p.stderr.await(t, `\[wsgi:info\] .*exit handler was run$`)
	})
}

// Without a shutdown-timeout a daemon waits for a request that has outlived the
// graceful-timeout, and the log blames that one limit.
func TestStopWithoutShutdownTimeout(t *testing.T) {
	t.Parallel()
	p := launch{dir: appDir(t), daemon: true, args: []string{"--graceful-timeout", "1", "--shutdown-timeout", "0", "app.py"}, status: 1}.start(t)
	h := p.holdOne()
	p.signal(syscall.SIGTERM)
	p.stderr.await(t, `\[core:error\] .*requests still run after 1s \(graceful-timeout\)`)
	p.stderr.await(t, `process 1 \(pid \d+\) is told to stop: shutdown`)
	h.open()
	p.wait()
	p.stderr.await(t, `\[wsgi:info\] .*exit handler was run$`)
	if n := p.stderr.count(`still run after`); n != 1 {
		t.Errorf("%d lines say that something still ran, want 1:\n%s", n, p.stderr)
	}
}

// An exit handler that does not end is given up.
func TestShutdownIsOver(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "wsgi.py", helloScript+"import atexit, threading\natexit.register(threading.Event().wait)\n")
	p := launch{dir: dir, args: []string{"--shutdown-timeout", "1", "wsgi.py"}, status: 1}.start(t)
	p.expect("/", 200, "hello")
	p.stop()
	p.stderr.await(t, `exit handlers still run after 1s`)
}

// A stop while the application still loads ends the program, with or without
// grace.
func TestStopWhileLoading(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	write(t, dir, "wsgi.py", "import threading\nprint('loading takes long')\nthreading.Event().wait()\n")
	l := launch{dir: dir, status: -1, args: []string{"wsgi.py"}}
	p := l.run(t, l.command()...)
	p.stderr.await(t, "loading takes long")
	p.signal(syscall.SIGHUP) // is no stop
	p.signal(syscall.SIGTERM)
	p.wait()
	if sys, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || sys.Signal() != syscall.SIGTERM {
		t.Errorf("ended by %v", p.cmd.ProcessState)
	}
}

// Requests in HTTP/2 streams finish as well.
func TestStopHTTP2(t *testing.T) {
	t.Parallel()
	p := serve(t)
	open := gate(t, p.dir, "gate")
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	got := make(chan string, 1)
	go func() {
		r, err := read((&http.Client{Transport: transport, Timeout: patience}).Get(p.url + "/hold"))
		if err != nil {
			got <- err.Error()
			return
		}
		got <- r.Proto + " " + r.body
	}()
	p.stderr.await(t, `holding`)
	p.signal(syscall.SIGTERM)
	p.stderr.await(t, `caught terminated`)
	open()
	if answer := <-got; !strings.HasPrefix(answer, "HTTP/2.0 released") {
		t.Errorf("got %q", answer)
	}
	p.wait()
}

// Whoever connects after the signal is refused at once, and not left in the queue
// of a socket that nobody accepts on, while a request still runs.
func TestStopRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"app.py"}, {"--reload-on-changes", "app.py"}} {
		inBothModes(t, func(t *testing.T, l launch) {
			l.dir, l.args = appDir(t), args
			p := l.start(t)
			h := p.holdOne()
			p.signal(syscall.SIGTERM)
			eventually(t, "new connections are refused", func() bool {
				c, err := net.Dial("tcp", p.addr)
				if err == nil {
					c.Close()
				}
				return errors.Is(err, syscall.ECONNREFUSED)
			})
			h.open()
			p.wait()
			if r := <-h.answer; r.body != "released\n" {
				t.Errorf("the running request got %q", r.body)
			}
		})
	}
}

// Those whose connections wait in the queue when the stop begins are answered.
func TestStopAnswersTheQueue(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, l launch) {
		l.dir, l.args = appDir(t), []string{"app.py"}
		p := l.start(t)
		frozen := []int{p.pid()} // what accepts
		if l.daemon {
			frozen = p.roleOf("server")
		}
		freezeAll(t, frozen)
		const clients = 50
		var all []net.Conn
		for range clients {
			all = append(all, p.send("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"))
		}
		p.signal(syscall.SIGTERM)
		if l.daemon {
			p.stderr.await(t, `caught terminated`)
		}
		signalAll(t, frozen, syscall.SIGCONT)
		for i, c := range all {
			r, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("client %d of %d: %v", i, clients, err)
			}
			if r.StatusCode != 200 {
				t.Errorf("client %d got %s", i, r.Status)
			}
		}
		p.wait()
	})
}

// A server process that does not end is killed when its time is over.
func TestStuckServer(t *testing.T) {
	t.Parallel()
	p := launch{dir: appDir(t), daemon: true, args: []string{"--graceful-timeout", "1", "app.py"}, status: 1}.start(t)
	frozen := p.roleOf("server")
	freezeAll(t, frozen)
	p.stop()
	p.stderr.await(t, `\[core:error\] .*the server process \d+ did not end within graceful-timeout=1s: killed`)
	for _, pid := range frozen {
		if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
			t.Errorf("the server process %d is left: %v", pid, err)
		}
	}
}

// A second signal does not wait for a server process that does not end.
func TestSecondSignalKillsStuckServer(t *testing.T) {
	t.Parallel()
	p := launch{dir: appDir(t), daemon: true, args: []string{"--graceful-timeout", "0", "--shutdown-timeout", "0", "app.py"}, status: 1}.start(t)
	freezeAll(t, append(p.roleOf("server"), p.roleOf("daemon")...))
	p.signal(syscall.SIGTERM)
	p.stderr.await(t, `caught terminated`)
	p.signal(syscall.SIGTERM)
	p.wait()
	p.stderr.await(t, `\[core:error\] .*stopped at once by a second signal`)
}

// freezeAll stops processes, none of which runs any more when it returns.
func freezeAll(t *testing.T, pids []int) {
	t.Helper()
	if len(pids) == 0 {
		t.Fatal("there is no process")
	}
	for _, pid := range pids {
		freeze(t, pid)
	}
}

// signalAll sends a signal to processes.
func signalAll(t *testing.T, pids []int, sig syscall.Signal) {
	t.Helper()
	if len(pids) == 0 {
		t.Fatal("there is no process")
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, sig); err != nil {
			t.Fatalf("send %v to process %d: %v", sig, pid, err)
		}
	}
}

// eventScript is a stream of events without an end. Between events it sleeps, or it
// waits for one that never comes and cannot notice that its client has left.
const eventScript = `import atexit, itertools, queue, time

atexit.register(print, "exit handler was run")

def events(wait):
    for n in itertools.count():
        yield b"data: %d\n\n" % n
        wait()

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    if environ["PATH_INFO"] == "/deaf":
        return events(queue.Queue().get)
    return events(lambda: time.sleep(0.02))
`

// An open stream of events ends with the graceful-timeout and without a complaint:
// it has no end that could be waited for.
func TestStopWithEventStream(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/events", "/deaf"} {
		t.Run(path[1:], func(t *testing.T) {
			t.Parallel()
			inBothModes(t, func(t *testing.T, l launch) {
				l.dir = tempDir(t)
				write(t, l.dir, "app.py", eventScript)
				l.args = []string{"--graceful-timeout", "1", "app.py"}
				p := l.start(t)
				c := p.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
				r := answerHead(t, c)
				if _, err := io.ReadFull(r, make([]byte, len("data: 0\n\n"))); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				p.signal(syscall.SIGTERM)
				_, err := io.Copy(io.Discard, r)
				if took := time.Since(began); took < time.Second || err == nil {
					t.Errorf("the stream ended after %v: %v", took, err)
				}
				p.wait()
				p.stderr.await(t, `\[wsgi:info\] .*exit handler was run$`)
				if n := p.stderr.count(`\[\w+:(warn|error|crit)\]|Traceback`); n > 0 {
					t.Errorf("%d complaints:\n%s", n, p.stderr)
				}
			})
		})
	}
}

// answerHead reads the head of a response and returns its body.
func answerHead(t *testing.T, c net.Conn) io.Reader {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Body
}
