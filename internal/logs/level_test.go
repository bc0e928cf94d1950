package logs

import (
	"strings"
	"testing"
)

func TestParseLevel(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Level
	}{
		{"emerg", Emerg}, {"alert", Alert}, {"crit", Crit}, {"error", Error}, {"warn", Warn}, {"notice", Notice},
		{"info", Info}, {"debug", Debug}, {"trace1", Trace}, {"trace8", Trace}, {"WARN", Warn},
	} {
		if got, err := ParseLevel(c.in); err != nil || got != c.want {
			t.Errorf("ParseLevel(%q) = %v, %v", c.in, got, err)
		}
	}
}

func TestParseLevelSuggests(t *testing.T) {
	for in, want := range map[string]string{
		"warning": `unknown log level "warning"; did you mean "warn"?`,
		"eror":    `unknown log level "eror"; did you mean "error"?`,
		"trace9":  `unknown log level "trace9"; did you mean "trace1"?`,
		"verbose": "trace1 to trace8",
		"":        "known are emerg",
	} {
		if _, err := ParseLevel(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseLevel(%q): %v, want %s", in, err, want)
		}
	}
}

func TestLevelString(t *testing.T) {
	for level := Emerg; level <= Trace; level++ {
		if got, err := ParseLevel(level.String()); err != nil || got != level {
			t.Errorf("level %d reads back as %v, %v", uint8(level), got, err)
		}
	}
	if got := Level(200).String(); got != "level 200" {
		t.Errorf("Level(200) is %q", got)
	}
}
