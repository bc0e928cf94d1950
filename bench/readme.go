package main

import (
	"fmt"
	"os"
	"strings"
)

// The lines of a readme that hold the last result between them.
const (
	beginMarker = "<!-- bench: begin -->\n"
	endMarker   = "<!-- bench: end -->\n"
)

func updateReadme(path, report string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("update readme: %w", err)
	}
	updated, err := replaceBetween(string(content), report)
	if err != nil {
		return fmt.Errorf("update readme %s: %w", path, err)
	}
	if err := os.WriteFile(path, []byte(updated), 0o644); err != nil {
		return fmt.Errorf("update readme: %w", err)
	}
	return nil
}

// replaceBetween puts report between the markers; each must be there once, in order.
func replaceBetween(text, report string) (string, error) {
	if strings.Count(text, beginMarker) != 1 || strings.Count(text, endMarker) != 1 {
		return "", fmt.Errorf("want the lines %q and %q once each", strings.TrimSpace(beginMarker), strings.TrimSpace(endMarker))
	}
	head, rest, _ := strings.Cut(text, beginMarker)
	_, tail, ok := strings.Cut(rest, endMarker)
	if !ok {
		return "", fmt.Errorf("%q comes before %q", strings.TrimSpace(endMarker), strings.TrimSpace(beginMarker))
	}
	return head + beginMarker + "\n" + strings.TrimSpace(report) + "\n\n" + endMarker + tail, nil
}
