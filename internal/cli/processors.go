package cli

import (
	"os"
	"runtime"
)

// leaveProcessors has Go use half of the processors in a server process, unless
// the environment says how many: the daemons need the others, and goroutines
// that are handed over from one processor to another, for each request twice,
// cost more than a second processor brings. ARCHITECTURE.md has the figures.
func leaveProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)/2))
	}
}
