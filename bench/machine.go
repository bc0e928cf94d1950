package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// describeMachine is the paragraph over the tables: what the figures were measured on, and with which versions.
// What cannot be found is said to be unknown.
func describeMachine(ctx context.Context, s *site) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s; %d x %s; Linux %s; load before the run %s.\n",
		time.Now().UTC().Format("2006-01-02"), runtime.NumCPU(), processor(readText("/proc/cpuinfo")),
		readText("/proc/sys/kernel/osrelease"), firstField(readText("/proc/loadavg")))
	fmt.Fprintf(&text, "%s.\n", strings.Join(versions(ctx, s), "; "))
	return text.String()
}

// askVersions prints the versions of what the virtual environment holds.
const askVersions = `
import platform, importlib.metadata as m
print("; ".join(["Python " + platform.python_version()] +
    [n + " " + m.version(n) for n in ("gunicorn", "granian", "fastpysgi", "flask", "django")]))`

func versions(ctx context.Context, s *site) []string {
	ask := func(what, program string, args ...string) string {
		text, err := output(ctx, program, args...)
		if err != nil {
			return what + " unknown"
		}
		return strings.TrimSpace(what + " " + firstLine(text))
	}
	apache, err := apacheProgram()
	if err != nil {
		apache = "apache2"
	}
	return []string{
		strings.Replace(runtime.Version(), "go", "Go ", 1),
		ask("gophersnake:", s.gophersnake, "version"),
		ask("", s.venvProgram("python"), "-c", askVersions),
		strings.Replace(ask("", apache, "-v"), "Server version: ", "", 1),
		ask("mod_wsgi", "dpkg-query", "-W", "-f", "${Version}", "libapache2-mod-wsgi-py3"),
		ask("wrk", "dpkg-query", "-W", "-f", "${Version}", "wrk"),
	}
}

// processor finds the model in the text of /proc/cpuinfo.
func processor(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

func readText(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

func firstField(text string) string {
	field, _, _ := strings.Cut(text, " ")
	return field
}
