// Package timeout is how long something may take, or that there is no limit. It
// knows how such a limit is kept, and not what it is for: a limit that an option
// sets is passed on as it is to whoever keeps it.
package timeout

import (
	"context"
	"time"
)

// Limit is how long something may take. It is what an option of whole seconds
// says, where 0 is no limit: "at once" is not among its values. It can be sent
// as JSON.
type Limit time.Duration

// None is no limit. It is the zero value.
const None Limit = 0

// None reports that there is no limit.
func (l Limit) None() bool { return l == None }

// String is the time as time.Duration has it, or "no limit".
func (l Limit) String() string {
	if l.None() {
		return "no limit"
	}
	return time.Duration(l).String()
}

// After returns when the limit of what begins at a time is over; the zero time
// without a limit.
func (l Limit) After(begin time.Time) time.Time {
	if l.None() {
		return time.Time{}
	}
	return begin.Add(time.Duration(l))
}

// Plus returns the limit of two things, one after the other.
func (l Limit) Plus(m Limit) Limit {
	if l.None() || m.None() {
		return None
	}
	return l + m
}

// Longest returns the longest of limits: None if there is one without, or if
// there are no limits at all.
func Longest(limits ...Limit) Limit {
	longest := None
	for _, l := range limits {
		if l.None() {
			return None
		}
		longest = max(longest, l)
	}
	return longest
}

// Until returns a context that is done, because of cause, at a time that After
// has returned: never if that is zero. It is done when parent is, too. The caller
// must call cancel.
func Until(parent context.Context, over time.Time, cause error) (ctx context.Context, cancel context.CancelFunc) {
	if over.IsZero() {
		return context.WithCancel(parent)
	}
	return context.WithDeadlineCause(parent, over, cause)
}
