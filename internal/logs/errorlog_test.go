package logs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// writes records what each Write was given; fail makes the next ones fail.
type writes struct {
	mu   sync.Mutex
	all  []string
	fail error
	part int // bytes a failing write still takes
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		n := min(w.part, len(p))
		if n > 0 {
			w.all = append(w.all, string(p[:n]))
		}
		return n, w.fail
	}
	w.all = append(w.all, string(p))
	return len(p), nil
}

func newTestLog(w io.Writer, level Level) *ErrorLog {
	l := NewErrorLog(w, level)
	l.pid = []byte("123")
	l.now = func() time.Time { return time.Date(2026, 11, 1, 3, 22, 1, 123456789, time.UTC) }
	return l
}

func TestErrorLogLine(t *testing.T) {
	const head = "[Sun Nov 01 03:22:01.123456 2026] "
	for _, c := range []struct {
		name string
		in   Record
		want string
	}{
		{"all fields", Record{Level: Error, Module: "wsgi", Thread: 456, Client: "127.0.0.1:5555", RequestID: "Xyz", Script: "/srv/a.wsgi", Message: "hello"},
			head + "[wsgi:error] [pid 123:tid 456] [client 127.0.0.1:5555] [id Xyz] [script /srv/a.wsgi] hello\n"},
		{"few fields", Record{Level: Warn, Thread: 1, Message: "hello"},
			head + "[core:warn] [pid 123:tid 1] hello\n"},
		{"two lines", Record{Level: Info, Module: "wsgi", Thread: 1, RequestID: "q", Message: "one\r\ntwo\n"},
			head + "[wsgi:info] [pid 123:tid 1] [id q] one\n| [id q] two\n"},
		{"client and script once", Record{Level: Error, Module: "wsgi", Thread: 1, Client: "c:1", RequestID: "q", Script: "/a.py", Message: "one\ntwo\nthree"},
			head + "[wsgi:error] [pid 123:tid 1] [client c:1] [id q] [script /a.py] one\n| [id q] two\n| [id q] three\n"},
		{"blank line kept", Record{Thread: 1, Message: "a\n\nb"},
			head + "[core:emerg] [pid 123:tid 1] a\n| \n| b\n"},
		{"forged record", Record{Thread: 1, Message: "a\n" + head + "[core:error] [pid 1:tid 1] b"},
			head + "[core:emerg] [pid 123:tid 1] a\n| " + head + "[core:error] [pid 1:tid 1] b\n"},
		{"empty message", Record{Thread: 1}, head + "[core:emerg] [pid 123:tid 1] \n"},
		{"forged line", Record{Thread: 1, Script: "/a\n[forged] ", Message: "x\r[core:error] \x1b[2J"},
			head + `[core:emerg] [pid 123:tid 1] [script /a\n[forged] ] x\r[core:error] \x1b[2J` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w writes
			newTestLog(&w, Trace).Log(c.in)
			if len(w.all) != 1 {
				t.Fatalf("%d writes, want 1: %q", len(w.all), w.all)
			}
			if w.all[0] != c.want {
				t.Errorf("got  %q\nwant %q", w.all[0], c.want)
			}
		})
	}
}

func TestErrorLogFillsInProcessAndThread(t *testing.T) {
	var w writes
	NewErrorLog(&w, Trace).Log(Record{Message: "m"})
	pattern := fmt.Sprintf(`^\[\w{3} \w{3} \d\d \d\d:\d\d:\d\d\.\d{6} \d{4}\] \[core:emerg\] \[pid %d:tid [1-9]\d*\] m\n$`, os.Getpid())
	if len(w.all) != 1 || !regexp.MustCompile(pattern).MatchString(w.all[0]) {
		t.Errorf("got %q, want a line matching %s", w.all, pattern)
	}
}

func TestErrorLogLevels(t *testing.T) {
	var w writes
	l := newTestLog(&w, Warn)
	for level := Emerg; level <= Trace; level++ {
		if got, want := l.Enabled(level), level <= Warn; got != want {
			t.Errorf("Enabled(%v) = %v at warn", level, got)
		}
		l.Log(Record{Level: level, Message: "m"})
	}
	if len(w.all) != int(Warn)+1 {
		t.Errorf("%d records written, want %d", len(w.all), Warn+1)
	}
	l.SetLevel(Debug)
	if !l.Enabled(Debug) || l.Enabled(Trace) {
		t.Error("SetLevel(Debug) does not hold")
	}
}

func TestErrorLogCutsAtItsLimit(t *testing.T) {
	var w writes
	l := newTestLog(&w, Trace)
	l.Log(Record{Message: strings.Repeat("a", maxMessage)})
	l.Log(Record{Message: strings.Repeat("a", maxMessage+1)})
	if strings.Contains(w.all[0], "more") {
		t.Error("a message of exactly the limit was cut")
	}
	if !strings.HasSuffix(w.all[1], "a ... (1 bytes more)\n") {
		t.Errorf("cut line ends with %q", w.all[1][len(w.all[1])-40:])
	}
}

func TestErrorLogCountsWhatItDrops(t *testing.T) {
	full := errors.New("no space left on device")
	w := writes{fail: full}
	l := newTestLog(&w, Warn)
	var complaint strings.Builder
	l.ComplainTo(&complaint)
	l.Log(Record{Level: Error, Thread: 1, Message: "lost"})
	l.Log(Record{Level: Error, Thread: 1, Message: "lost too"})
	if got := l.Dropped(); got != 2 {
		t.Errorf("Dropped() = %d, want 2", got)
	}
	const want = "gophersnake: write error log: no space left on device; records are lost until it can be written again\n"
	if got := complaint.String(); got != want {
		t.Errorf("complaint %q, want %q", got, want)
	}
	w.fail = nil
	l.Log(Record{Level: Error, Thread: 1, Message: "back"})
	l.Log(Record{Level: Error, Thread: 1, Message: "again"})
	if len(w.all) != 2 || l.Dropped() != 0 {
		t.Fatalf("writes %q, %d dropped", w.all, l.Dropped())
	}
	lines := strings.Split(w.all[0], "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "[core:warn]") ||
		!strings.HasSuffix(lines[0], "2 records could not be written here and are lost: "+full.Error()) || !strings.HasSuffix(lines[1], " back") {
		t.Errorf("first write after the trouble: %q", w.all[0])
	}
	if strings.Contains(w.all[1], "lost") {
		t.Errorf("the loss is said twice: %q", w.all[1])
	}
}

func TestErrorLogEndsATornLine(t *testing.T) {
	w := writes{fail: io.ErrShortWrite, part: 7}
	l := newTestLog(&w, Trace)
	l.Log(Record{Thread: 1, Message: "torn"})
	w.fail = nil
	l.Log(Record{Thread: 1, Message: "whole"})
	if len(w.all) != 2 || !strings.HasPrefix(w.all[1], "\n[") {
		t.Errorf("got %q, want the second write to begin a new line", w.all)
	}
}

// TestErrorLogDoesNotMix lets many goroutines log records of several lines to
// one file and wants every record's lines side by side.
func TestErrorLogDoesNotMix(t *testing.T) {
	const goroutines, records = 8, 200
	path := filepath.Join(t.TempDir(), "error_log")
	file, err := OpenFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	l := NewErrorLog(file, Trace)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for n := range records {
				l.Log(Record{Message: fmt.Sprintf("%d-%d-a\n%d-%d-b", g, n, g, n)})
			}
		})
	}
	wg.Wait()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	if len(lines) != 2*goroutines*records {
		t.Fatalf("%d lines, want %d", len(lines), 2*goroutines*records)
	}
	for i := 0; i < len(lines); i += 2 {
		first := lines[i][strings.LastIndex(lines[i], " ")+1:]
		second := lines[i+1][strings.LastIndex(lines[i+1], " ")+1:]
		if strings.TrimSuffix(first, "-a") != strings.TrimSuffix(second, "-b") {
			t.Fatalf("line %d: %q is followed by %q", i, first, second)
		}
	}
}

func TestErrorLogAllocatesNothing(t *testing.T) {
	l := NewErrorLog(io.Discard, Info)
	r := Record{Level: Info, Module: "wsgi", Client: "127.0.0.1:5", RequestID: "id", Script: "/s", Message: "one\ntwo \x01"}
	l.Log(r)
	if n := testing.AllocsPerRun(100, func() { l.Log(r) }); n > 0 {
		t.Errorf("%v allocations for a record", n)
	}
}

func TestDiscard(t *testing.T) {
	Discard{}.Log(Record{Level: Emerg})
	if (Discard{}).Enabled(Emerg) {
		t.Error("Discard enables a level")
	}
}

func BenchmarkErrorLog(b *testing.B) {
	l := NewErrorLog(io.Discard, Info)
	b.ReportAllocs()
	for b.Loop() {
		l.Log(Record{Level: Info, Module: "wsgi", Client: "127.0.0.1:5555", RequestID: "Xyz", Script: "/srv/a.wsgi", Message: "hello"})
	}
}
