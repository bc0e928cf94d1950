package logs

import "golang.org/x/sys/unix"

// threadID returns the number of the operating system thread that runs the
// caller.
func threadID() int { return unix.Gettid() }
