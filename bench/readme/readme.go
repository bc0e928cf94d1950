// Package readme puts results between the markers of a Markdown file. It knows nothing of what the results say.
package readme

import (
	"fmt"
	"os"
	"strings"
)

// markers are the lines that hold the last result of a part between them.
func markers(part string) (begin, end string) {
	return "<!-- bench " + part + ": begin -->\n", "<!-- bench " + part + ": end -->\n"
}

// Check returns an error when the file cannot be updated with each of parts: better before a long measurement.
func Check(path string, parts ...string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("check readme: %w", err)
	}
	for _, part := range parts {
		if _, err := replace(string(content), part, ""); err != nil {
			return fmt.Errorf("check readme %s: %w", path, err)
		}
	}
	return nil
}

// Update replaces what is between the markers of part in the file. The file is unchanged when there is an error.
func Update(path, part, report string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("update readme: %w", err)
	}
	updated, err := replace(string(content), part, report)
	if err != nil {
		return fmt.Errorf("update readme %s: %w", path, err)
	}
	if err := os.WriteFile(path, []byte(updated), 0o644); err != nil {
		return fmt.Errorf("update readme: %w", err)
	}
	return nil
}

// replace puts report between the markers of part; each must be there once, in order.
func replace(text, part, report string) (string, error) {
	begin, end := markers(part)
	if strings.Count(text, begin) != 1 || strings.Count(text, end) != 1 {
		return "", fmt.Errorf("want the lines %q and %q once each", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	head, rest, _ := strings.Cut(text, begin)
	_, tail, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("%q comes before %q", strings.TrimSpace(end), strings.TrimSpace(begin))
	}
	return head + begin + "\n" + strings.TrimSpace(report) + "\n\n" + end + tail, nil
}
