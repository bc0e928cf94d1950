package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/wire"
)

// fake is a process whose requests the test makes up.
type fake struct {
	mu       sync.Mutex
	began    map[int]time.Time // by thread
	serials  map[int]uint32
	active   time.Time
	heed     bool          // an interrupted request ends
	held     chan struct{} // Python's lock is kept until it is closed
	done     []string
	stopping error
	vitals   wire.Vitals
}

func newFake() *fake {
	held := make(chan struct{})
	close(held)
	return &fake{began: map[int]time.Time{}, serials: map[int]uint32{}, held: held}
}

func (f *fake) begin(thread int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serials[thread]++
	f.began[thread], f.active = time.Now(), time.Now()
}

func (f *fake) finish(thread int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.began, thread)
	f.active = time.Now()
}

func (f *fake) note(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, text)
}

func (f *fake) notes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.done)
}

func (f *fake) Running(dst []Running) []Running {
	f.mu.Lock()
	defer f.mu.Unlock()
	for thread, at := range f.began {
		dst = append(dst, Running{Thread: thread, Serial: f.serials[thread], For: time.Since(at), Name: "GET /"})
	}
	return dst
}

func (f *fake) Idle() (time.Duration, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Since(f.active), !f.active.IsZero()
}

func (f *fake) Interrupt(r Running) bool {
	<-f.held
	f.note("interrupt")
	if f.heed {
		f.finish(r.Thread)
	}
	return true
}

func (f *fake) Stack(Running) string { <-f.held; f.note("stack"); return "File x, line 1" }
func (f *fake) Probe()               { <-f.held }
func (f *fake) Dump()                { f.note("dump") }
func (f *fake) Mark(m wire.Marking)  { f.note(fmt.Sprint("mark ", m.Place)) }
func (f *fake) Keep(k wire.Keeping)  { f.note(fmt.Sprint("keep ", k.Place)) }

func (f *fake) Vitals() wire.Vitals {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.vitals
}

func (f *fake) Stop(ctx context.Context) error { f.note("stop"); return f.stopping }

func (f *fake) Close(_ context.Context, reason string) error { f.note("close " + reason); return nil }

// textLog keeps messages.
type textLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *textLog) Log(r logs.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(r.Message + "\n")
}

func (l *textLog) Enabled(logs.Level) bool { return true }

func (l *textLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// watch runs a monitor over f for d and returns why it wants a replacement.
func watch(t *testing.T, f *fake, limits Limits, log *textLog, d time.Duration) []wire.Retirement {
	t.Helper()
	var mu sync.Mutex
	var asked []wire.Retirement
	m := &Monitor{Limits: limits, Requests: f, Log: log, Retire: func(r wire.Retirement) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r)
	}, Pulse: func(wire.Vitals) {}}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	m.Run(ctx)
	mu.Lock()
	defer mu.Unlock()
	return asked
}

func reasons(asked []wire.Retirement) []string {
	var texts []string
	for _, r := range asked {
		texts = append(texts, r.Reason)
	}
	return texts
}

func TestMonitorLimits(t *testing.T) {
	for _, test := range []struct {
		name    string
		limits  Limits
		prepare func(*fake)
		watched time.Duration
		asked   []string
		done    []string
	}{
		{"no limits", Limits{Threads: 1}, func(f *fake) { f.begin(0) }, time.Hour, nil, nil},
		{"within request-timeout", Limits{Threads: 1, Request: 10 * time.Second}, func(f *fake) { f.begin(0) },
			9900 * time.Millisecond, nil, nil},
		{"beyond request-timeout", Limits{Threads: 1, Request: 10 * time.Second}, func(f *fake) { f.begin(0) },
			12 * time.Second, []string{"request_timeout"}, []string{"stack"}},
		{"many threads bear more", Limits{Threads: 5, Request: 10 * time.Second}, func(f *fake) { f.begin(0) },
			26 * time.Second, nil, nil},
		{"but not everything", Limits{Threads: 5, Request: 10 * time.Second}, func(f *fake) { f.begin(0) },
			28 * time.Second, []string{"request_timeout"}, []string{"stack"}},
		{"two stuck requests ask once", Limits{Threads: 2, Request: time.Second}, func(f *fake) { f.begin(0); f.begin(1) },
			time.Minute, []string{"request_timeout"}, []string{"stack", "stack"}},
		{"an interrupt that is heeded", Limits{Threads: 1, Request: 10 * time.Second, Interrupt: 5 * time.Second},
			func(f *fake) { f.heed = true; f.begin(0) }, time.Minute, nil, []string{"interrupt"}},
		{"an interrupt that is not", Limits{Threads: 1, Request: 10 * time.Second, Interrupt: 5 * time.Second},
			func(f *fake) { f.begin(0) }, 17 * time.Second, []string{"request_timeout"}, []string{"interrupt", "stack"}},
		{"an interrupt is given its time", Limits{Threads: 1, Request: 10 * time.Second, Interrupt: 5 * time.Second},
			func(f *fake) { f.begin(0) }, 14 * time.Second, nil, []string{"interrupt"}},
		{"a request that keeps the lock", Limits{Threads: 1, Request: 10 * time.Second},
			func(f *fake) { f.held = make(chan struct{}); f.begin(0) }, 14 * time.Second, []string{"request_timeout"}, []string{"dump"}},
		{"deadlock", Limits{Threads: 1, Deadlock: 10 * time.Second},
			func(f *fake) { f.held = make(chan struct{}); f.begin(0) }, 13 * time.Second, []string{"deadlock_timeout"}, []string{"dump"}},
		{"idle before the first request", Limits{Threads: 1, Inactivity: time.Second}, func(*fake) {}, time.Hour, nil, nil},
		{"idle", Limits{Threads: 1, Inactivity: time.Second}, func(f *fake) { f.begin(0); f.finish(0) }, 2 * time.Second,
			[]string{"inactivity_timeout"}, nil},
		{"a running request is not idle", Limits{Threads: 1, Inactivity: time.Second}, func(f *fake) { f.begin(0) }, time.Hour, nil, nil},
		{"a stale one is", Limits{Threads: 1, Inactivity: 30 * time.Second, Request: 10 * time.Second}, func(f *fake) { f.begin(0) },
			40 * time.Second, []string{"request_timeout", "inactivity_timeout"}, []string{"stack"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, log := newFake(), &textLog{}
				test.prepare(f)
				asked := watch(t, f, test.limits, log, test.watched)
				if got := reasons(asked); !slices.Equal(got, test.asked) {
					t.Errorf("asked for %q, want %q", got, test.asked)
				}
				if got := f.notes(); !slices.Equal(got, test.done) {
					t.Errorf("did %q, want %q", got, test.done)
				}
				select {
				case <-f.held:
				default:
					close(f.held) // the goroutines that were left behind
				}
				synctest.Wait()
			})
		})
	}
}

func TestMonitorShowsTheStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, log := newFake(), &textLog{}
		f.begin(0)
		watch(t, f, Limits{Threads: 1, Request: time.Second}, log, 3*time.Second)
		if want := "GET / runs for 1s, longer than request-timeout allows; thread 1 is at\nFile x, line 1"; !strings.Contains(log.String(), want) {
			t.Errorf("log:\n%swant %q", log, want)
		}
	})
}

// TestPulse: figures are told when they have changed, once a second at most.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var told []wire.Vitals
		m := &Monitor{Limits: Limits{Request: time.Second}, Requests: f, Log: &textLog{}, // ten looks a second
			Pulse: func(v wire.Vitals) {
				told = append(told, v)
				f.mu.Lock()
				defer f.mu.Unlock()
				if f.vitals.Requests++; f.vitals.Requests == 4 {
					f.vitals = v // nothing changes any more
				}
			}}
		f.vitals = wire.Vitals{Requests: 1, GILWait: time.Millisecond}
		ctx, cancel := context.WithTimeout(t.Context(), 2050*time.Millisecond)
		defer cancel()
		m.Run(ctx)
		want := []wire.Vitals{{Requests: 1, GILWait: time.Millisecond}, {Requests: 2, GILWait: time.Millisecond}}
		if !slices.Equal(told, want) {
			t.Errorf("after 2 seconds %v, want %v", told, want)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		m.Run(ctx)
		if len(told) != 3 || told[2].Requests != 3 {
			t.Errorf("after an hour %v, want one more", told)
		}
	})
}

func TestSignals(t *testing.T) {
	for sig, want := range map[syscall.Signal]wire.Retirement{
		syscall.SIGTERM: {Reason: "shutdown_signal", Text: "it received terminated"},
		syscall.SIGUSR1: {Reason: "graceful_signal", Text: "it received user defined signal 1", Evict: true},
		syscall.SIGXCPU: {Reason: "cpu_time_limit", Text: "it used up its processor time (cpu-time-limit)"},
	} {
		here, there := pair(t)
		w := &worker{Options: Options{Parent: here}}
		w.take(sig)
		m, err := there.Receive()
		if err != nil {
			t.Fatal(err)
		}
		var got wire.Retirement
		if err := m.Decode(&got); err != nil || m.Kind != wire.Retire || got != want {
			t.Errorf("%v: %s %+v, %v, want %+v", sig, m.Kind, got, err, want)
		}
	}
}

// TestRunningText: the log tells time for which the request is not to blame.
func TestRunningText(t *testing.T) {
	r := Running{Name: "POST /x", For: 12 * time.Second}
	if got, want := r.String(), "POST /x runs for 12s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	r.Waited = 3 * time.Second
	if got, want := r.String(), "POST /x runs for 12s, without the 3s in which it waited for its client"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
