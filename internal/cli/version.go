package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// version is the release this source belongs to; a build of a tagged module
// knows better.
const version = "0.1.0"

// Version returns the version of the program, "0.1.0".
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	return versionOf(info)
}

// versionOf prefers the version of a release over the constant; a
// pseudo-version or an unreleased tree is no release.
func versionOf(info *debug.BuildInfo) string {
	v := strings.TrimPrefix(info.Main.Version, "v")
	if v == "" || strings.ContainsAny(v, "-+(") {
		return version
	}
	return v
}

// revision returns " revision 0123456789ab" if the build recorded one.
func revision(info *debug.BuildInfo) string {
	text, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && s.Value != "":
			text = ", revision " + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " with changes"
		}
	}
	if text == "" {
		return ""
	}
	return text + modified
}

func runVersion(_ context.Context, s surroundings, args []string) int {
	if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") {
		printHelp(s.stdout, "version", []option[struct{}]{}, "")
		return statusOK
	}
	if len(args) > 0 {
		return reject(s, "version", fmt.Errorf("unexpected argument %q", args[0]))
	}
	built := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		built = revision(info)
	}
	fmt.Fprintf(s.stdout, "gophersnake %s (%s, %s/%s%s)\n", Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, built)
	return statusOK
}
