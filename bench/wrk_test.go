package main

import (
	"strings"
	"testing"
	"time"
)

const wrkClean = `Running 3s test @ http://127.0.0.1:8000/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   302.55us  150.11us   9.99ms   99.50%
    Req/Sec   100.99k     2.33k  104.00k    90.00%
  Latency Distribution
     50%  277.00us
     75%  301.00us
     90%  350.00us
     99%    4.62ms
  303030 requests in 3.10s, 40.12MB read
Requests/sec:  97751.61
Transfer/sec:     12.94MB
`

func TestParseWrk(t *testing.T) {
	spoilt := strings.Replace(wrkClean, "Requests/sec:",
		"  Socket errors: connect 0, read 33738, write 0, timeout 2\n  Non-2xx or 3xx responses: 10989\nRequests/sec:", 1)
	slow := strings.NewReplacer("277.00us", "1.02s", "4.62ms", "1.50m", "3.10s", "1.00m").Replace(wrkClean)
	clean := load{requests: 303030, elapsed: 3100 * time.Millisecond, p50: 277 * time.Microsecond, p99: 4620 * time.Microsecond}
	tests := []struct {
		name, text string
		want       load
	}{
		{"clean", wrkClean, clean},
		{"errors", spoilt, load{clean.requests, clean.elapsed, clean.p50, clean.p99, "connect 0, read 33738, write 0, timeout 2", 10989}},
		{"other units", slow, load{requests: 303030, elapsed: time.Minute, p50: 1020 * time.Millisecond, p99: 90 * time.Second}},
	}
	for _, test := range tests {
		got, err := parseWrk(test.text)
		if err != nil || got != test.want {
			t.Errorf("%s: %+v, %v; want %+v", test.name, got, err, test.want)
		}
	}
}

func TestParseWrkRefuses(t *testing.T) {
	withoutLatency := wrkClean[:strings.Index(wrkClean, "  Latency Distribution")] + "  303030 requests in 3.10s, 40.12MB read\n"
	for name, text := range map[string]string{
		"nothing":      "",
		"a complaint":  "unable to connect to 127.0.0.1:1 Connection refused\n",
		"no --latency": withoutLatency,
		"a bad unit":   strings.Replace(wrkClean, "277.00us", "277.00fortnights", 1),
		"a huge count": strings.Replace(wrkClean, "303030 requests", "99999999999999999999 requests", 1),
	} {
		if got, err := parseWrk(text); err == nil {
			t.Errorf("%s: %+v, want an error", name, got)
		}
	}
}

func TestPerSecond(t *testing.T) {
	if got := (load{requests: 300, elapsed: 2 * time.Second}).perSecond(); got != 150 {
		t.Errorf("perSecond = %v, want 150", got)
	}
	if got := (load{requests: 300}).perSecond(); got != 0 {
		t.Errorf("perSecond without time = %v, want 0", got)
	}
}
