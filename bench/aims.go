package main

import (
	"fmt"
	"strings"
)

// An aim is a ratio between two peers of a lineup that the project wants to reach.
type aim struct {
	text          string // which figure, against whom
	peer, against string
	testCase      string
	connections   int
	figure        func(sample) float64
	limit         float64
	atLeast       bool // the ratio is to be at least the limit; else at most
}

var embeddedAims = []aim{
	{text: "CPU per request against net/http", peer: "gophersnake", against: "floor", testCase: "hello", connections: 32,
		figure: cpuOf, limit: 1.35},
	{text: "requests/s against mod_wsgi", peer: "gophersnake", against: "apache", testCase: "hello", connections: 32,
		figure: perSecondOf, limit: 3, atLeast: true},
}

var daemonAims = []aim{
	{text: "CPU per request against net/http", peer: "gophersnake", against: "floor", testCase: "hello", connections: 32,
		figure: cpuOf, limit: 2.1},
	{text: "requests/s against mod_wsgi", peer: "gophersnake", against: "apache", testCase: "hello", connections: 32,
		figure: perSecondOf, limit: 3, atLeast: true},
	{text: "p50 against mod_wsgi", peer: "gophersnake", against: "apache", testCase: "hello", connections: 1,
		figure: p50Of, limit: 0.7},
}

func cpuOf(s sample) float64       { return s.cpu }
func perSecondOf(s sample) float64 { return s.perSecond }
func p50Of(s sample) float64       { return s.p50 }

const aimsHead = "\n### Aims\n\n| ratio | aim | measured | rounds | reached |\n|---|---:|---:|---:|---|\n"

// renderAims writes the table of a mode's aims, each for every lineup that measures both peers; "" when none does.
func renderAims(m mode) string {
	var rows strings.Builder
	for _, a := range m.aims {
		for _, l := range m.lineups {
			rows.WriteString(a.row(l))
		}
	}
	if rows.Len() == 0 {
		return ""
	}
	return aimsHead + rows.String()
}

// row is the line of an aim; "" for a lineup that does not measure what it takes.
func (a aim) row(l *lineup) string {
	p, c, ok := l.find(a.peer, a.testCase, a.connections)
	against, _, both := l.find(a.against, a.testCase, a.connections)
	if !ok || !both {
		return ""
	}
	text := a.text + ": " + l.heading(c, a.connections)
	ratio, low, high, ok := ratioOf(a.figure, l.results.of(p, c, a.connections), l.results.of(against, c, a.connections))
	if !ok {
		return fmt.Sprintf("| %s | %s | - | - | not measured |\n", text, a.wanted())
	}
	return fmt.Sprintf("| %s | %s | %.2f | %.2f to %.2f | %s |\n", text, a.wanted(), ratio, low, high, a.verdict(ratio))
}

func (a aim) wanted() string {
	if a.atLeast {
		return fmt.Sprintf("at least %.2f", a.limit)
	}
	return fmt.Sprintf("at most %.2f", a.limit)
}

func (a aim) verdict(ratio float64) string {
	if a.atLeast && ratio >= a.limit || !a.atLeast && ratio <= a.limit {
		return "yes"
	}
	return "**no**"
}

// ratioOf divides the medians, and gives the lowest and highest ratio of one round: samples are in the order of rounds. ok
// is false when there is nothing to divide.
func ratioOf(figure func(sample) float64, of, against []sample) (ratio, low, high float64, ok bool) {
	if len(of) == 0 || len(against) == 0 || medianOf(against, figure) <= 0 {
		return 0, 0, 0, false
	}
	ratio = medianOf(of, figure) / medianOf(against, figure)
	low, high = ratio, ratio
	for i := range min(len(of), len(against)) {
		if divisor := figure(against[i]); divisor > 0 {
			low, high = min(low, figure(of[i])/divisor), max(high, figure(of[i])/divisor)
		}
	}
	return ratio, low, high, true
}
