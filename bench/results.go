package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gophersnake/gophersnake/bench/procfs"
)

// A sample is one measurement: of one peer, with one case and one concurrency. Times are in microseconds, memory in
// megabytes.
type sample struct {
	perSecond, cpu, p50, p99, memory float64
	trouble                          string // what wrk complained about; "" for nothing
}

// trouble puts what spoils a figure into words.
func trouble(seen load, spent procfs.Spent) string {
	var parts []string
	if seen.failedAnswers > 0 {
		parts = append(parts, fmt.Sprintf("%d answers not 2xx", seen.failedAnswers))
	}
	if seen.socketErrors != "" {
		parts = append(parts, "socket errors: "+seen.socketErrors)
	}
	if spent.Ended > 0 {
		text := plural(spent.Ended, "process") + " ended"
		if spent.Lost {
			text += ", their time is not counted"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// key of a row in a table.
type rowKey struct {
	peer, testCase string
	connections    int
}

// results collects the samples of a lineup. Its methods are for one goroutine.
type results struct {
	samples map[rowKey][]sample
	reasons map[rowKey]string // why there is no figure; connections is 0
	failed  bool              // a peer that is installed failed
}

func newResults() *results {
	return &results{samples: map[rowKey][]sample{}, reasons: map[rowKey]string{}}
}

func (r *results) add(p peer, c testCase, connections int, s sample) {
	key := rowKey{p.key, c.key, connections}
	r.samples[key] = append(r.samples[key], s)
}

func (r *results) miss(p peer, c testCase, err error) {
	r.reasons[rowKey{p.key, c.key, 0}] = "missing: " + firstLine(err.Error())
}

func (r *results) fail(p peer, c testCase, err error) {
	r.failed = true
	r.reasons[rowKey{p.key, c.key, 0}] = "failed: " + firstLine(err.Error())
}

// without reports whether the peer is missing or has failed with this case.
func (r *results) without(p peer, c testCase) bool { return r.reason(p, c) != "" }

func (r *results) reason(p peer, c testCase) string { return r.reasons[rowKey{p.key, c.key, 0}] }

// of returns the samples in the order of the rounds.
func (r *results) of(p peer, c testCase, connections int) []sample {
	return r.samples[rowKey{p.key, c.key, connections}]
}

// median returns the sample whose every figure is the median of all rounds, and whether there is one.
func (r *results) median(p peer, c testCase, connections int) (sample, bool) {
	samples := r.of(p, c, connections)
	if len(samples) == 0 {
		return sample{}, false
	}
	result := sample{
		perSecond: medianOf(samples, perSecondOf),
		cpu:       medianOf(samples, cpuOf),
		p50:       medianOf(samples, p50Of),
		p99:       medianOf(samples, func(s sample) float64 { return s.p99 }),
		memory:    medianOf(samples, func(s sample) float64 { return s.memory }),
	}
	for _, s := range samples { // one spoilt round is worth telling
		if s.trouble != "" {
			result.trouble = s.trouble
			break
		}
	}
	return result, true
}

// medianOf is the middle value, or the mean of the two in the middle.
func medianOf(samples []sample, figure func(sample) float64) float64 {
	values := make([]float64, 0, len(samples))
	for _, s := range samples {
		values = append(values, figure(s))
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
