package main

import (
	"fmt"
	"strings"
)

const tableHead = "| server | requests/s | CPU µs/request | x floor | p50 | p99 | memory MB | notes |\n" +
	"|---|---:|---:|---:|---:|---:|---:|---|\n"

// renderMode writes the aims and all tables of a mode.
func renderMode(m mode) string {
	text := renderAims(m)
	for _, l := range m.lineups {
		text += renderTables(l)
	}
	return text
}

// renderTables writes a Markdown table for each case and concurrency.
func renderTables(l *lineup) string {
	var text strings.Builder
	for _, c := range l.cases {
		for _, connections := range l.concurrencies {
			fmt.Fprintf(&text, "\n### %s\n\n%s", l.heading(c, connections), tableHead)
			for _, p := range l.peers {
				text.WriteString(renderRow(p, c, connections, l.results))
			}
		}
	}
	return text.String()
}

func (l *lineup) heading(c testCase, connections int) string {
	heading := fmt.Sprintf("%s, %s", c.title, plural(connections, "connection"))
	if l.title != "" {
		heading += ", " + l.title
	}
	return heading
}

// renderRow writes the line of a peer; a peer without figures says why. "" for a case that is none for the peer.
func renderRow(p peer, c testCase, connections int, r *results) string {
	if !p.serves(c) {
		return ""
	}
	s, ok := r.median(p, c, connections)
	reason := r.reason(p, c)
	if !ok {
		if reason == "" {
			reason = "not measured"
		}
		return fmt.Sprintf("| %s | - | - | - | - | - | - | %s |\n", p.label(), cell(reason))
	}
	notes := s.trouble
	if reason != "" { // a later round failed
		notes = strings.TrimPrefix(notes+"; "+reason, "; ")
	}
	return fmt.Sprintf("| %s | %s | %.1f | %s | %s | %s | %.0f | %s |\n", p.label(), thousands(s.perSecond),
		s.cpu, ratio(s, c, connections, r), microseconds(s.p50), microseconds(s.p99), s.memory, cell(notes))
}

// ratio is the processor time against the floor's, "-" when that has none.
func ratio(s sample, c testCase, connections int, r *results) string {
	floor, ok := r.median(floorPeer, c, connections)
	if !ok || floor.cpu <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", s.cpu/floor.cpu)
}

// cell keeps text from ending its cell or row.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}

// thousands writes a figure in groups of three digits.
func thousands(value float64) string {
	digits := fmt.Sprintf("%.0f", value)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}

// microseconds writes a latency with three significant digits or so.
func microseconds(value float64) string {
	switch {
	case value < 1000:
		return fmt.Sprintf("%.0f µs", value)
	case value < 100_000:
		return fmt.Sprintf("%.2f ms", value/1000)
	}
	return fmt.Sprintf("%.0f ms", value/1000)
}

func plural(n int, noun string) string {
	switch {
	case n == 1:
		return fmt.Sprintf("%d %s", n, noun)
	case strings.HasSuffix(noun, "s"):
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
