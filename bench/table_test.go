package main

import (
	"errors"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fill makes results with everything a table can show.
func fill(peers []peer, c testCase) *results {
	r := newResults()
	for i, perSecond := range []float64{99_000, 101_000, 100_000} {
		r.add(peers[0], c, 32, sample{perSecond: perSecond, cpu: 10, p50: 270 + float64(i), p99: 4620, memory: 12.4})
	}
	r.miss(peers[1], c, errors.New("the program is not built"))
	r.add(peers[2], c, 32, sample{perSecond: 16_413, cpu: 63.2, p50: 1210, p99: 120_000, memory: 31})
	r.add(peers[2], c, 32, sample{perSecond: 16_415, cpu: 63.4, p50: 1210, p99: 120_000, memory: 31, trouble: "7 answers not 2xx"})
	r.fail(peers[3], c, errors.New("server ended (exit status 3)\n    no module named a|b"))
	r.add(peers[4], c, 32, sample{perSecond: 999, cpu: 14.3, p50: 999.4, p99: 1500, memory: 37.6})
	r.fail(peers[4], c, errors.New("a pipe | in round 2"))
	return r
}

func TestRenderTables(t *testing.T) {
	peers := allPeers
	cases, err := chooseCases("hello,django")
	if err != nil {
		t.Fatal(err)
	}
	got := renderTables(peers, cases, fill(peers, cases[0]))
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
		"": trouble(load{}, 0),
		"3 answers not 2xx; socket errors: read 1; 2 processes ended, their time is not counted": trouble(
			load{failedAnswers: 3, socketErrors: "read 1"}, 2),
	} {
		if got != want {
			t.Errorf("trouble = %q, want %q", got, want)
		}
	}
}
