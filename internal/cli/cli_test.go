package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/internal/account"
	"github.com/gophersnake/gophersnake/internal/pyhome"
)

func TestMain_version(t *testing.T) {
	want := regexp.MustCompile(`^gophersnake \d+\.\d+\.\d+ \(` + regexp.QuoteMeta(runtime.Version()+", "+runtime.GOOS+"/"+runtime.GOARCH) + `.*\)\n$`)
	for _, arg := range []string{"version", "--version"} {
		var stdout, stderr bytes.Buffer
		if status := Main(t.Context(), []string{arg}, &stdout, &stderr); status != 0 || !want.MatchString(stdout.String()) || stderr.Len() > 0 {
			t.Errorf("%s: status %d, %q, %q", arg, status, stdout.String(), stderr.String())
		}
	}
}

func TestVersionOf(t *testing.T) {
	for in, want := range map[string]string{
		"v1.2.3": "1.2.3", "(devel)": version, "": version,
		"v0.0.0-20260101000000-0123456789ab": version, "v1.2.3+dirty": version,
	} {
		if got := versionOf(&debug.BuildInfo{Main: debug.Module{Version: in}}); got != want {
			t.Errorf("version %q shows as %q, want %q", in, got, want)
		}
	}
}

func TestRevision(t *testing.T) {
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}}}
	if got := revision(info); got != "" {
		t.Errorf("no revision shows as %q", got)
	}
	info.Settings = append(info.Settings, debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef"})
	if got := revision(info); got != ", revision 0123456789ab with changes" {
		t.Errorf("got %q", got)
	}
}

func TestExpand(t *testing.T) {
	lookup := func(name string) (string, bool) {
		value, ok := map[string]string{"A": "1", "LONG_NAME2": "two", "EMPTY": "", "DOLLAR": "$A", "with space": "w"}[name]
		return value, ok
	}
	for in, want := range map[string]string{
		"":                      "",
		"plain":                 "plain",
		"$A":                    "1",
		"${A}":                  "1",
		"x$A.y${A}z":            "x1.y1z",
		"$LONG_NAME2/":          "two/",
		"$LONG_NAME2x":          "$LONG_NAME2x",
		"[$EMPTY]":              "[]",
		"$NONE ${NONE}":         "$NONE ${NONE}",
		"$DOLLAR":               "$A", // once only
		"$$A":                   "$1",
		"5$":                    "5$",
		"${":                    "${",
		"${A":                   "${A",
		"${}":                   "${}",
		"${with space}":         "w",
		"%{GLOBAL} %{Referer}i": "%{GLOBAL} %{Referer}i",
	} {
		if got := expand(in, lookup); got != want {
			t.Errorf("expand(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestTables checks what the parser takes for granted of its tables.
func TestTables(t *testing.T) {
	checkTable(t, startTable())
	checkTable(t, doctorTable)
	for _, c := range commands() {
		if c.help == "" || c.run == nil {
			t.Errorf("command %s is incomplete", c.name)
		}
	}
}

func checkTable[T any](t *testing.T, table []option[T]) {
	t.Helper()
	seen := map[string]bool{}
	for i, row := range table {
		if seen[row.name] {
			t.Errorf("two rows for %s", row.name)
		}
		seen[row.name] = true
		if !strings.HasPrefix(row.name, "--") || row.help == "" || row.set == nil || row.arity() > 2 {
			t.Errorf("row %s is incomplete", row.name)
		}
		if row.arity() == 0 && row.byDef != "" {
			t.Errorf("switch %s has a default", row.name)
		}
		if i > 0 && table[i-1].group != row.group {
			for _, earlier := range table[:i] {
				if earlier.group == row.group {
					t.Errorf("group %q is in two pieces, the second from %s", row.group, row.name)
				}
			}
		}
	}
}

func TestWrap(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		"a b":                  "a b",
		"aaaa bbbb cc":         "aaaa bbbb|cc",
		"averylongword a b":    "averylongword|a b",
		"  spaces   collapse ": "spaces|collapse",
	} {
		if got := strings.Join(wrap(in, 9), "|"); got != want {
			t.Errorf("wrap(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDoctorReport(t *testing.T) {
	findings := []finding{
		found(pyhome.Candidate{Home: "/usr", Installation: &pyhome.Installation{Version: pyhome.Version{Major: 3, Minor: 11}, Library: "/usr/lib/libpython3.11.so.1.0"}}),
		found(pyhome.Candidate{Home: "/env", Default: true, Installation: &pyhome.Installation{Version: pyhome.Version{Major: 3, Minor: 12}, Library: "/l", Venv: true}}),
		found(pyhome.Candidate{Home: "/old", Err: &pyhome.Error{Home: "/old", Reason: pyhome.TooOld, Version: pyhome.Version{Major: 3, Minor: 8}, Found: "it is old", Repair: "use another"}}),
		found(pyhome.Candidate{Home: "/older", Err: &pyhome.Error{Home: "/older", Reason: pyhome.TooOld, Found: "it is older", Repair: "use another"}}),
		found(pyhome.Candidate{Home: "/bad", Err: errors.New("bad luck")}),
	}
	want := strings.TrimPrefix(`
PYTHON  VERSION  LIBRARY                        STATUS
/usr    3.11.0   /usr/lib/libpython3.11.so.1.0  ok
/env    3.12.0   /l                             ok, default, virtual environment
/old    3.8.0    -                              too old
/older  -        -                              too old
/bad    -        -                              cannot be examined

Python in /old: too old: it is old
Python in /older: too old: it is older
repair: use another

bad luck
`, "\n")
	var b bytes.Buffer
	if err := report(&b, findings, false, account.Current()); err != nil || b.String() != want {
		t.Errorf("%v, got\n%s\nwant\n%s", err, b.String(), want)
	}
	b.Reset()
	if err := report(&b, nil, false, account.Current()); err != nil || !strings.Contains(b.String(), "repair: install one") {
		t.Errorf("report of nothing: %v, %q", err, b.String())
	}
	b.Reset()
	if err := report(&b, nil, true, account.Current()); err != nil || b.String() != "[]\n" {
		t.Errorf("JSON of nothing: %v, %q", err, b.String())
	}
}

// TestDoctorOfThisMachine wants doctor, its JSON and its exit status to agree
// with pyhome.
func TestDoctorOfThisMachine(t *testing.T) {
	var out bytes.Buffer
	status := Main(t.Context(), []string{"doctor", "--json"}, &out, io.Discard)
	var findings []finding
	if err := json.Unmarshal(out.Bytes(), &findings); err != nil {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
	usable, defaults := 0, 0
	for _, f := range findings {
		if f.Usable {
			usable++
		} else if f.Problem == "" || f.Repair == "" {
			t.Errorf("unusable without a reason: %+v", f)
		}
		if f.Default {
			defaults++
		}
	}
	if (status == 0) != (usable > 0) || defaults > 1 || (defaults == 1) != (usable > 0) {
		t.Errorf("status %d with %d usable and %d default", status, usable, defaults)
	}
	chosen := slices.IndexFunc(findings, func(f finding) bool { return f.Default })
	if chosen < 0 {
		t.Fatal("there is no default")
	}
	i := findings[chosen]
	out.Reset()
	if status := Main(t.Context(), []string{"doctor", "--python-home", i.Home}, &out, io.Discard); status != 0 || !strings.Contains(out.String(), i.Library) {
		t.Errorf("status %d, %s", status, out.String())
	}
}

func TestDoctorStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	if status := Main(ctx, []string{"doctor"}, io.Discard, &stderr); status != 1 || !strings.Contains(stderr.String(), "canceled") {
		t.Errorf("status %d, %q", status, stderr.String())
	}
}

// broken fails every write.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestDoctorCannotPrint(t *testing.T) {
	for _, args := range [][]string{{"doctor", "--python-home", "/nonexistent"}, {"doctor", "--json", "--python-home", "/nonexistent"}} {
		var stderr bytes.Buffer
		if status := Main(t.Context(), args, broken{}, &stderr); status != 1 || !strings.Contains(stderr.String(), "print") {
			t.Errorf("%v: status %d, %q", args, status, stderr.String())
		}
	}
}
