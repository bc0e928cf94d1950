package main

import (
	"fmt"
	"strings"
)

const tableHead = "| server | requests/s | CPU µs/request | x floor | p50 | p99 | memory MB | notes |\n" +
	"|---|---:|---:|---:|---:|---:|---:|---|\n"

// renderTables writes a Markdown table for each case and concurrency.
func renderTables(peers []peer, cases []testCase, r *results) string {
	var text strings.Builder
	for _, c := range cases {
		for _, connections := range concurrencies {
			fmt.Fprintf(&text, "\n### %s, %s\n\n%s", c.title, plural(connections, "connection"), tableHead)
			for _, p := range peers {
				text.WriteString(renderRow(p, c, connections, r))
			}
		}
	}
	return text.String()
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

// ratio is the processor time against the first peer's, "-" when that has none.
func ratio(s sample, c testCase, connections int, r *results) string {
	floor, ok := r.median(allPeers[0], c, connections)
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
	if n == 1 {
		return fmt.Sprintf("%d %s", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
