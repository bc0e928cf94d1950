package wsgi

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophersnake/gophersnake/internal/logs"
)

// recorder is a log that keeps its records for the test.
type recorder struct {
	mu      sync.Mutex
	records []logs.Record
}

var _ logs.Logger = (*recorder)(nil)

func (r *recorder) Log(record logs.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, record)
}

func (r *recorder) Enabled(level logs.Level) bool { return level <= logs.Debug }

// mark returns the place in the log that since takes.
func (r *recorder) mark() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.records)
}

// forget drops the records; marks of before are worth nothing afterwards.
func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = nil
}

func (r *recorder) since(mark int) []logs.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]logs.Record(nil), r.records[mark:]...)
}

// expectation is one line "level: expression" of a log section.
type expectation struct {
	text  string
	level logs.Level
	re    *regexp.Regexp
}

func parseExpectations(section string) (all []expectation, err error) {
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, expression, found := strings.Cut(line, ": ")
		if !found {
			return nil, fmt.Errorf("log line %q is not \"level: expression\"", line)
		}
		e := expectation{text: line}
		if e.level, err = logs.ParseLevel(name); err != nil {
			return nil, err
		}
		if e.re, err = regexp.Compile("(?s)" + expression); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func (e *expectation) matches(r *logs.Record) bool {
	return r.Level == e.level && e.re.MatchString(r.Message)
}

// unmet returns the expectations that no record meets, and the records of
// level error or worse that none of them expects.
func unmet(records []logs.Record, wanted []expectation) (missing []expectation, excess []logs.Record) {
	for _, e := range wanted {
		met := false
		for i := range records {
			met = met || e.matches(&records[i])
		}
		if !met {
			missing = append(missing, e)
		}
	}
	for i := range records {
		known := records[i].Level > logs.Error
		for _, e := range wanted {
			known = known || e.matches(&records[i])
		}
		if !known {
			excess = append(excess, records[i])
		}
	}
	return missing, excess
}

// expect waits until the records since mark meet what is wanted.
func (r *recorder) expect(t testing.TB, mark int, wanted []expectation) {
	t.Helper()
	poll(t, func() bool {
		missing, _ := unmet(r.since(mark), wanted)
		return len(missing) == 0
	})
	missing, excess := unmet(r.since(mark), wanted)
	for _, e := range missing {
		t.Errorf("no record matches %q", e.text)
	}
	for _, record := range excess {
		t.Errorf("unexpected %v record: %s", record.Level, record.Message)
	}
	if len(missing) > 0 {
		t.Logf("the log:\n%s", show(r.since(mark)))
	}
}

func show(records []logs.Record) string {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintf(&b, "%v: %s\n", r.Level, r.Message)
	}
	return b.String()
}

// patience is how long a test waits for something that must happen.
const patience = 30 * time.Second

// poll waits until done reports true, or patience is at its end, and returns
// the last report.
func poll(t testing.TB, done func() bool) bool {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if done() {
			return true
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			return false
		}
	}
	return done()
}
