package logs

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func sampleEntry() *AccessEntry {
	return &AccessEntry{
		RemoteAddr: "192.0.2.7", RemotePort: "4711", User: "ada",
		Time:     time.Date(2026, 11, 21, 3, 22, 1, 234567890, time.FixedZone("", 3600)),
		Duration: 1234567 * time.Microsecond, RequestID: "Xyz",
		RequestLine: "GET /a%20b?q=1 HTTP/1.1", Method: "GET", Path: "/a b", Query: "q=1", Proto: "HTTP/1.1",
		Referer: "http://example.org/", UserAgent: `curl "8"`,
		Header: http.Header{"X-Thing": {"v1", "v2"}},
		Status: 200, BytesSent: 42, ServerName: "www.example.org", ServerPort: "8000",
	}
}

func TestFormats(t *testing.T) {
	const common = `192.0.2.7 - ada [21/Nov/2026:03:22:01 +0100] "GET /a%20b?q=1 HTTP/1.1" 200 42`
	for format, want := range map[string]string{
		"common":                            common,
		"combined":                          common + ` "http://example.org/" "curl \"8\""`,
		Common:                              common,
		`%h %l %u %t \"%r\" %>s %b`:         common,
		"%a %{c}a %B %s %<s %%":             "192.0.2.7 192.0.2.7 42 200 200 %",
		"%m %U %q %H":                       "GET /a b ?q=1 HTTP/1.1",
		"%D %T %{s}T %{ms}T %{us}T":         "1234567 1 1 1234 1234567",
		"%v %V %p %{remote}p %L":            "www.example.org www.example.org 8000 4711 Xyz",
		"%{x-thing}i|%{User-agent}i|%{No}i": `v1|curl \"8\"|-`,
		"%{sec}t %{msec}t %{usec}t":         "1795227721 1795227721234 1795227721234567",
		"%P":                                strconv.Itoa(os.Getpid()),
		"%404{Referer}i %!404{Referer}i":    "- http://example.org/",
		"%200,304s %!200,304s":              "200 -",
		`tab\tslash\\n other\d`:             "tab\tslash\\n other\\d",
		"plain":                             "plain",
		"":                                  "",
	} {
		f, err := ParseFormat(format)
		if err != nil {
			t.Errorf("ParseFormat(%q): %v", format, err)
			continue
		}
		if got := string(f.append(nil, sampleEntry(), new(clock))); got != want {
			t.Errorf("format %q\ngot  %s\nwant %s", format, got, want)
		}
		if f.String() != format {
			t.Errorf("String() = %q, want %q", f.String(), format)
		}
	}
}

func TestFormatOfNothing(t *testing.T) {
	f, err := ParseFormat("combined")
	if err != nil {
		t.Fatal(err)
	}
	got := string(f.append(nil, &AccessEntry{Time: time.Unix(0, 0).UTC(), Status: 400}, new(clock)))
	if want := `- - - [01/Jan/1970:00:00:00 +0000] "-" 400 - "-" "-"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFormatErrors(t *testing.T) {
	for format, want := range map[string]struct {
		offset int
		reason string
	}{
		"%h %j":         {3, "unknown directive"},
		"ab%":           {2, "is not complete"},
		"%{Referer":     {0, "no closing brace"},
		"%i":            {0, "needs the name of a request header"},
		"%{}i":          {0, "needs the name of a request header"},
		"%{x}r":         {0, "takes no argument"},
		"%{%Y}t":        {0, `unknown argument "%Y"`},
		"%{h}T":         {0, `unknown argument "h"`},
		"%{X-Y}o":       {0, "unknown directive"},
		"x %40s":        {2, "three digits"},
		"%4040s":        {0, "three digits"},
		"%!s":           {0, "three digits"},
		"%200,s":        {0, "three digits"},
		"%>":            {0, "is not complete"},
		"%h %{Referer}": {3, "is not complete"},
	} {
		_, err := ParseFormat(format)
		e, ok := errors.AsType[*FormatError](err)
		if !ok || e.Offset != want.offset || !strings.Contains(e.Reason, want.reason) {
			t.Errorf("ParseFormat(%q): %v, want %q at %d", format, err, want.reason, want.offset)
			continue
		}
		if text := "character " + strconv.Itoa(want.offset+1) + ":"; !strings.Contains(err.Error(), text) {
			t.Errorf("%v does not say %q", err, text)
		}
	}
}

func TestAccessWritesOneLine(t *testing.T) {
	var w writes
	f, _ := ParseFormat(`"%r"`)
	a := NewAccess(&w, f, nil)
	e := sampleEntry()
	e.RequestLine = "GET /\n\" forged"
	a.LogAccess(e)
	if len(w.all) != 1 || w.all[0] != `"GET /\n\" forged"`+"\n" {
		t.Errorf("written %q", w.all)
	}
}

// records is a Logger that keeps what it gets.
type records struct{ all []Record }

func (r *records) Log(rec Record)     { r.all = append(r.all, rec) }
func (r *records) Enabled(Level) bool { return true }

func TestAccessTellsTheErrorLog(t *testing.T) {
	w := writes{fail: errors.New("disk full")}
	var r records
	f, _ := ParseFormat("common")
	a := NewAccess(&w, f, &r)
	a.LogAccess(sampleEntry())
	a.LogAccess(sampleEntry())
	if len(r.all) != 1 || r.all[0].Level != Error || !strings.Contains(r.all[0].Message, "disk full") {
		t.Fatalf("records after two failures: %+v", r.all)
	}
	w.fail = nil
	a.LogAccess(sampleEntry())
	a.LogAccess(sampleEntry())
	if len(r.all) != 2 || r.all[1].Level != Warn || !strings.Contains(r.all[1].Message, "2 lines are lost") {
		t.Errorf("records after recovery: %+v", r.all)
	}
	if len(w.all) != 2 {
		t.Errorf("%d lines written, want 2", len(w.all))
	}
}

func TestAccessTimeFollowsTheEntry(t *testing.T) {
	var w writes
	f, _ := ParseFormat("%t")
	a := NewAccess(&w, f, nil)
	utc := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, at := range []time.Time{utc, utc, utc.Add(time.Second), utc, utc.In(time.FixedZone("", 7200))} {
		a.LogAccess(&AccessEntry{Time: at})
	}
	want := "[02/Jan/2026:03:04:05 +0000]\n[02/Jan/2026:03:04:05 +0000]\n[02/Jan/2026:03:04:06 +0000]\n" +
		"[02/Jan/2026:03:04:05 +0000]\n[02/Jan/2026:05:04:05 +0200]\n"
	if got := strings.Join(w.all, ""); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestAccessAllocatesNothing(t *testing.T) {
	f, _ := ParseFormat("combined")
	a := NewAccess(io.Discard, f, nil)
	e := sampleEntry()
	a.LogAccess(e)
	if n := testing.AllocsPerRun(100, func() { a.LogAccess(e) }); n > 0 {
		t.Errorf("%v allocations for a line", n)
	}
}

func FuzzParseFormat(f *testing.F) {
	for _, seed := range []string{Common, Combined, "%!200,304{Referer}i", "%{", "%{sec}t%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		format, err := ParseFormat(text)
		if err != nil {
			if e, ok := errors.AsType[*FormatError](err); !ok || e.Offset < 0 || e.Offset >= len(text) {
				t.Errorf("ParseFormat(%q): %v", text, err)
			}
			return
		}
		format.append(nil, sampleEntry(), new(clock))
	})
}

func BenchmarkAccess(b *testing.B) {
	f, _ := ParseFormat("combined")
	a := NewAccess(io.Discard, f, nil)
	e := sampleEntry()
	b.ReportAllocs()
	for b.Loop() {
		a.LogAccess(e)
	}
}
