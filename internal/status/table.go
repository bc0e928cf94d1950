package status

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// WriteTable prints the figures for people: a line for the server, one for each
// group, and a table of its processes. Ages are those at now. The output does
// not depend on the time zone or the terminal.
func (s Snapshot) WriteTable(w io.Writer, now time.Time) error {
	var b strings.Builder
	b.WriteString("Server " + strconv.Itoa(s.PID))
	if s.Address != "" {
		b.WriteString(" on " + plain(s.Address))
	}
	if s.Version != "" {
		b.WriteString(", version " + plain(s.Version))
	}
	fmt.Fprintf(&b, ", up %s\n", age(s.Started, now))
	if len(s.Groups) == 0 {
		b.WriteString("\nNo process groups.\n")
	}
	for _, g := range s.Groups {
		g.write(&b, now)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print status: %w", err)
	}
	return nil
}

func (g Group) write(b *strings.Builder, now time.Time) {
	python := "not known yet"
	if g.Python != "" {
		python = plain(g.Python)
	}
	fmt.Fprintf(b, "\nGroup %s: user %s, Python %s, waiting %d of %d, rejected %d\n",
		plain(g.Name), plain(g.User), python, g.Waiting, g.Bound, g.Rejected)
	g.writeNotLoaded(b)
	rows := [][]string{titles()}
	for _, p := range g.Processes {
		rows = append(rows, p.cells(now))
	}
	align(b, rows)
}

// writeNotLoaded says which scripts have not loaded and why, each once.
func (g Group) writeNotLoaded(b *strings.Builder) {
	var said []string
	for _, p := range g.Processes {
		if p.NotLoaded != "" && !slices.Contains(said, p.NotLoaded) {
			said = append(said, p.NotLoaded)
			fmt.Fprintf(b, "  %s\n", plain(p.NotLoaded))
		}
	}
}

// leftColumns are the ones aligned to the left; the others hold numbers.
var leftColumns = map[int]bool{1: true, 10: true}

func titles() []string {
	return []string{"PID", "STATE", "THREADS", "BUSY", "QUEUED", "SERVED", "GIL WAIT", "MEMORY", "UP", "RESTARTS", "LAST CAUSE"}
}

func (p Process) cells(now time.Time) []string {
	pid, wait, memory, cause := "-", "-", "-", "-"
	if p.PID != 0 {
		pid = strconv.Itoa(p.PID)
	}
	if p.GILWait != nil {
		wait = waitText(*p.GILWait)
	}
	if p.Resident != 0 {
		memory = bytesText(p.Resident)
	}
	if p.LastCause != "" {
		cause = plain(p.LastCause)
	}
	return []string{pid, plain(p.State), strconv.Itoa(p.Threads), strconv.Itoa(p.Busy), strconv.Itoa(p.Queued),
		strconv.FormatUint(p.Served, 10), wait, memory, age(p.Started, now), strconv.FormatUint(p.Restarts, 10), cause}
}

// align writes rows of equal length in columns two blanks apart.
func align(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if leftColumns[i] {
				line.WriteString("  " + cell + gap)
			} else {
				line.WriteString("  " + gap + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// plain keeps names from doing something to the terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// age says for how long something has been, with two units: "3d4h", "5m0s".
func age(since, now time.Time) string {
	if since.IsZero() {
		return "-"
	}
	d := max(now.Sub(since), 0).Truncate(time.Second)
	days, hours, minutes, seconds := d/(24*time.Hour), d/time.Hour%24, d/time.Minute%60, d/time.Second%60
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm%ds", minutes, seconds)
	}
	return fmt.Sprintf("%ds", seconds)
}

// waitText rounds to three digits, of microseconds at least.
func waitText(d time.Duration) string {
	unit := time.Microsecond
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}

// bytesText rounds to a tenth of the unit in which the number is from 1 to 1023.
func bytesText(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	value, units := float64(n)/1024, "KMGTPE"
	for value >= 1023.95 {
		value, units = value/1024, units[1:]
	}
	return fmt.Sprintf("%.1f%c", value, units[0])
}
