package logs

import (
	"fmt"
	"strings"

	"github.com/gophersnake/gophersnake/internal/suggest"
)

// levelNames are Apache's names in the order of Level; the trace levels from 1
// to 8 are one level here.
var levelNames = [...]string{
	"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug",
	"trace1", "trace2", "trace3", "trace4", "trace5", "trace6", "trace7", "trace8",
}

// String returns Apache's name of the level; Trace is "trace1".
func (l Level) String() string {
	if l > Trace {
		return fmt.Sprintf("level %d", uint8(l))
	}
	return levelNames[l]
}

// ParseLevel reads one of Apache's names, emerg to trace8, in any case. The
// error names the nearest one.
func ParseLevel(name string) (Level, error) {
	for i, known := range levelNames {
		if strings.EqualFold(name, known) {
			return min(Level(i), Trace), nil
		}
	}
	if near := suggest.Nearest(name, levelNames[:]); near != "" {
		return 0, fmt.Errorf("unknown log level %q; did you mean %q?", name, near)
	}
	return 0, fmt.Errorf("unknown log level %q; known are emerg, alert, crit, error, warn, notice, info, debug, trace1 to trace8", name)
}
