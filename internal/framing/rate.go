package framing

import (
	"math"
	"time"
)

// Rate is how slow a client may be at sending a head or a body, as Apache's
// RequestReadTimeout has it. The zero value sets no limit.
type Rate struct {
	Initial time.Duration // what a client has in any case; 0: as long as it likes
	Max     time.Duration // what it has at most; 0: no bound
	// Min is in bytes a second: so many received give the client a second more.
	// 0: nothing does.
	Min int64
}

// Allowance returns how long a client may have taken in all to send n bytes.
// Without a limit it is the longest time there is.
func (r Rate) Allowance(n int64) time.Duration {
	if r.Initial <= 0 {
		return math.MaxInt64
	}
	d := r.Initial
	if r.Min > 0 {
		d += earned(n, r.Min)
	}
	if r.Max > 0 {
		d = min(d, r.Max)
	}
	return d
}

// earned returns the time in which n bytes come at min bytes a second, a hundred
// years at most.
func earned(n, min int64) time.Duration {
	const ever = 100 * 365 * 24 * 3600
	if n/min >= ever {
		return ever * time.Second
	}
	return time.Duration(n/min)*time.Second + time.Duration(float64(n%min)/float64(min)*float64(time.Second))
}

// Within returns how long the next read may take, at most timeout, of which 0 is
// no limit: n bytes have come, and the client has been waited for so long. What
// it returns is 0 only if there is no limit.
func (r Rate) Within(timeout time.Duration, n int64, waited time.Duration) time.Duration {
	if r.Initial <= 0 {
		return timeout
	}
	left := max(r.Allowance(n)-waited, 1)
	if timeout > 0 {
		left = min(left, timeout)
	}
	return left
}
