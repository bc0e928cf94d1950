package cli

import (
	"os"
	"runtime"
)

// mostKept bounds what is added to Go's processors: the scheduler looks through
// all of them for work.
const mostKept = 256

// leaveProcessors has Go use half of the processors in a server process, unless
// the environment says how many: the daemons need the others, and goroutines
// that are handed over from one processor to another, for each request twice,
// cost more than a second processor brings. ARCHITECTURE.md has the figures.
func leaveProcessors() {
	if processorsGiven() {
		return
	}
	runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)/2))
}

// replaceProcessors returns what gives Go as many processors more as requests
// keep from it, unless the environment says how many there are.
func replaceProcessors() func(kept int) {
	if processorsGiven() {
		return nil
	}
	own := runtime.GOMAXPROCS(0)
	return func(kept int) { runtime.GOMAXPROCS(own + min(kept, mostKept)) }
}

func processorsGiven() bool { return os.Getenv("GOMAXPROCS") != "" }
