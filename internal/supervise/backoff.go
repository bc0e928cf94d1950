package supervise

import "time"

const (
	// earlyDeath: a process that has been in service for less died early.
	earlyDeath = 30 * time.Second
	// decay is the time in service that takes back one failure.
	decay = 30 * time.Second
	// longestWait bounds the time between two attempts.
	longestWait = 60 * time.Second
)

// backoff says how long to wait before a process is started again. The zero
// value has seen no failure.
type backoff struct{ failures int }

// failed counts a failure and returns the time to wait: 0, 1, 2, 4, ... 60
// seconds.
func (b *backoff) failed() time.Duration {
	b.failures++
	if b.failures == 1 {
		return 0
	}
	return min(time.Second<<min(b.failures-2, 6), longestWait)
}

// decayed takes failures back, for a time in service.
func (b *backoff) decayed(d time.Duration) {
	b.failures = max(0, b.failures-int(d/decay))
}

// lived counts the time in service of a process that has died, and its death
// if that was early. It returns the time to wait.
func (b *backoff) lived(d time.Duration) time.Duration {
	b.decayed(d)
	if d < earlyDeath {
		return b.failed()
	}
	return 0
}
