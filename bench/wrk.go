package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A load is what wrk saw.
type load struct {
	requests      int64
	elapsed       time.Duration
	p50, p99      time.Duration
	socketErrors  string // wrk's own words; "" for none
	failedAnswers int64  // not 2xx or 3xx
}

// perSecond is 0 for a load without time.
func (l load) perSecond() float64 {
	if l.elapsed <= 0 {
		return 0
	}
	return float64(l.requests) / l.elapsed.Seconds()
}

// runWrk loads url for the duration; script is a Lua file or "".
func runWrk(ctx context.Context, url, script string, connections int, duration time.Duration) (load, error) {
	args := []string{"-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", int(duration.Seconds())), "--latency"}
	if script != "" {
		args = append(args, "-s", script)
	}
	ctx, cancel := context.WithTimeout(ctx, duration+30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "wrk", append(args, url)...).CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("run wrk: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return parseWrk(string(out))
}

var (
	wrkTotal  = regexp.MustCompile(`(?m)^\s*(\d+) requests in ([\d.]+[a-z]+),`)
	wrkShare  = regexp.MustCompile(`(?m)^\s*(50|99)%\s+([\d.]+[a-z]+)\s*$`)
	wrkSocket = regexp.MustCompile(`(?m)^\s*Socket errors: (.*)$`)
	wrkFailed = regexp.MustCompile(`(?m)^\s*Non-2xx or 3xx responses: (\d+)`)
)

// parseWrk reads the output of wrk --latency.
func parseWrk(text string) (load, error) {
	var l load
	total := wrkTotal.FindStringSubmatch(text)
	if total == nil {
		return l, fmt.Errorf("parse wrk: no total in %q", text)
	}
	var err error
	if l.requests, err = strconv.ParseInt(total[1], 10, 64); err != nil {
		return l, fmt.Errorf("parse wrk: %w", err)
	}
	if l.elapsed, err = parseWrkTime(total[2]); err != nil {
		return l, err
	}
	shares := wrkShare.FindAllStringSubmatch(text, -1)
	if len(shares) != 2 {
		return l, errors.New("parse wrk: no latency distribution: was --latency given?")
	}
	if l.p50, err = parseWrkTime(shares[0][2]); err != nil {
		return l, err
	}
	if l.p99, err = parseWrkTime(shares[1][2]); err != nil {
		return l, err
	}
	if socket := wrkSocket.FindStringSubmatch(text); socket != nil {
		l.socketErrors = socket[1]
	}
	if failed := wrkFailed.FindStringSubmatch(text); failed != nil {
		if l.failedAnswers, err = strconv.ParseInt(failed[1], 10, 64); err != nil {
			return l, fmt.Errorf("parse wrk: %w", err)
		}
	}
	return l, nil
}

// parseWrkTime reads wrk's times: us, ms, s, m and h, as Go writes them.
func parseWrkTime(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("parse wrk: %w", err)
	}
	return d, nil
}
