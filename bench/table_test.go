package main

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/gophersnake/gophersnake/bench/procfs"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fill gives a lineup everything a table can show.
func fill(l *lineup) {
	r, peers, c := l.results, l.peers, l.cases[0]
	for i, perSecond := range []float64{99_000, 101_000, 100_000} {
		r.add(peers[0], c, 32, sample{perSecond: perSecond, cpu: 10, p50: 270 + float64(i), p99: 4620, memory: 12.4})
	}
	r.miss(peers[1], c, errors.New("the program is not built"))
	r.add(peers[2], c, 32, sample{perSecond: 16_413, cpu: 63.2, p50: 1210, p99: 120_000, memory: 31})
	r.add(peers[2], c, 32, sample{perSecond: 16_415, cpu: 63.4, p50: 1210, p99: 120_000, memory: 31, trouble: "7 answers not 2xx"})
	r.fail(peers[3], c, errors.New("server ended (exit status 3)\n    no module named a|b"))
	r.add(peers[4], c, 32, sample{perSecond: 999, cpu: 14.3, p50: 999.4, p99: 1500, memory: 37.6})
	r.fail(peers[4], c, errors.New("a pipe | in round 2"))
}

// fillDaemon lets Gophersnake reach one aim, miss one and leave one without figures.
func fillDaemon(l *lineup) {
	for i := range 3 {
		of := float64(i)
		l.results.add(l.peers[0], l.cases[0], 32, sample{perSecond: 99_000, cpu: 10})
		l.results.add(l.peers[1], l.cases[0], 32, sample{perSecond: 50_000 + 1000*of, cpu: 18 + of, memory: 70})
		l.results.add(l.peers[2], l.cases[0], 32, sample{perSecond: 17_500, cpu: 90, memory: 40})
	}
}

func TestRenderMode(t *testing.T) {
	modes, err := chooseModes("", "", "hello,django")
	if err != nil {
		t.Fatal(err)
	}
	fill(modes[0].lineups[0])
	fillDaemon(modes[1].lineups[0])
	got := renderMode(modes[0]) + "\n---\n" + renderMode(modes[1])
	const golden = "testdata/tables.md"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("tables differ from %s; see them with -update\n%s", golden, got)
	}
}

func TestAimsNeedBothPeers(t *testing.T) {
	modes, err := chooseModes("daemon", "gophersnake,apache", "hello")
	if err != nil {
		t.Fatal(err)
	}
	if got := renderAims(modes[0]); strings.Contains(got, "net/http") || strings.Count(got, "mod_wsgi") != 3 {
		t.Errorf("without the floor: %s", got)
	}
	if modes, err = chooseModes("daemon", "gophersnake", "hello"); err != nil || renderAims(modes[0]) != "" {
		t.Errorf("aims against nobody: %s, %v", renderAims(modes[0]), err)
	}
}

func TestAimVerdict(t *testing.T) {
	most, least := aim{limit: 2.1}, aim{limit: 3, atLeast: true}
	for _, test := range []struct {
		a     aim
		ratio float64
		want  string
	}{
		{most, 2.1, "yes"}, {most, 2.11, "**no**"}, {most, 0.5, "yes"},
		{least, 3, "yes"}, {least, 2.99, "**no**"}, {least, 9, "yes"},
	} {
		if got := test.a.verdict(test.ratio); got != test.want {
			t.Errorf("%s, %v: %s, want %s", test.a.wanted(), test.ratio, got, test.want)
		}
	}
}

func TestRatioOf(t *testing.T) {
	cpu := func(values ...float64) []sample {
		var samples []sample
		for _, v := range values {
			samples = append(samples, sample{cpu: v})
		}
		return samples
	}
	for _, test := range []struct {
		of, against      []sample
		ratio, low, high float64
		ok               bool
	}{
		{cpu(20, 30, 40), cpu(10, 10, 40), 3, 1, 3, true},
		{cpu(20), cpu(10, 10, 10), 2, 2, 2, true},
		{cpu(), cpu(10), 0, 0, 0, false},
		{cpu(10), cpu(), 0, 0, 0, false},
		{cpu(10), cpu(0), 0, 0, 0, false},
	} {
		ratio, low, high, ok := ratioOf(cpuOf, test.of, test.against)
		if ratio != test.ratio || low != test.low || high != test.high || ok != test.ok {
			t.Errorf("%v / %v: %v, %v to %v, %v", test.of, test.against, ratio, low, high, ok)
		}
	}
}

func TestMedian(t *testing.T) {
	perSecond := func(s sample) float64 { return s.perSecond }
	for want, values := range map[float64][]float64{
		5: {5}, 3: {9, 1, 3}, 2.5: {4, 1, 3, 2},
	} {
		var samples []sample
		for _, v := range values {
			samples = append(samples, sample{perSecond: v})
		}
		if got := medianOf(samples, perSecond); got != want {
			t.Errorf("median of %v = %v, want %v", values, got, want)
		}
	}
}

func TestFigures(t *testing.T) {
	for value, want := range map[float64]string{0: "0", 999: "999", 1000: "1 000", 99_999.6: "100 000", 1_234_567: "1 234 567"} {
		if got := thousands(value); got != want {
			t.Errorf("thousands(%v) = %q, want %q", value, got, want)
		}
	}
	for value, want := range map[float64]string{64: "64 µs", 1000: "1.00 ms", 4620: "4.62 ms", 250_000: "250 ms"} {
		if got := microseconds(value); got != want {
			t.Errorf("microseconds(%v) = %q, want %q", value, got, want)
		}
	}
}

func TestTrouble(t *testing.T) {
	for want, got := range map[string]string{
		"": trouble(load{}, procfs.Spent{}),
		"3 answers not 2xx; socket errors: read 1; 2 processes ended, their time is not counted": trouble(
			load{failedAnswers: 3, socketErrors: "read 1"}, procfs.Spent{Ended: 2, Lost: true}),
		"1 process ended": trouble(load{}, procfs.Spent{Ended: 1}),
	} {
		if got != want {
			t.Errorf("trouble = %q, want %q", got, want)
		}
	}
}
