package supervise

import "time"

// When a process is started in place of one that is gone.
//
// A life is of use if its process was in service for a moment at least
// (useful). Lives in a row that were of no use are a loop: the application
// cannot be started, or the first request ends it. Then each start waits longer
// than the one before, 0, 1, 2, 4, ... 60 seconds, in each place for itself.
// Requests are refused meanwhile when nobody else is there: they would fail.
//
// A process that was of use is replaced at once when it has lived long
// (longLife). If not, its replacement is paid for by the budget of the group,
// which is a token bucket: it is there at once as long as the budget lasts, and
// after that there is one every crashCost, however many processes die. So requests
// that wait for a process wait for seconds, far below connect-timeout, and to
// start processes takes a bounded part of the processor's time.
//
// A process that somebody else has killed (SIGKILL, without evidence that memory
// or processor time had run out) says nothing about the next one: it is counted
// as one that was of use, also when it was not ready yet, and costs less.
const (
	// useful is the time in service that makes a life one of use.
	useful = 100 * time.Millisecond
	// longLife is the time in service that makes a death no trouble, and that
	// takes back one replacement for too much memory.
	longLife = 30 * time.Second
	// longestWait bounds the time between two attempts.
	longestWait = 60 * time.Second
	// crashCost and killCost are the prices of a start, in the time that a
	// budget needs to have them again. They are also the longest time that a
	// group waits for the next of its starts.
	crashCost = 3 * time.Second
	killCost  = time.Second
	// perProcess and leastBudget are how much there is in a full budget.
	perProcess  = 2 * crashCost
	leastBudget = 10 * crashCost
)

// growth counts what happens again and again, and spaces it out.
type growth int

// next counts once more and returns the time to wait: 0, 1, 2, 4, ... 60
// seconds.
func (n *growth) next() time.Duration {
	*n++
	if *n == 1 {
		return 0
	}
	return min(time.Second<<min(*n-2, 6), longestWait)
}

// backoff is what a place remembers of the lives in it. The zero value has seen
// nothing.
type backoff struct {
	useless growth // lives in a row that were of no use
	greedy  growth // replacements for too much memory soon after the start
	failed  growth // lives in a row in which something did not load
}

// lived counts the time in service of a life, which is over. It reports whether
// that was of use.
func (b *backoff) lived(d time.Duration) bool {
	b.greedy = max(0, b.greedy-growth(d/longLife))
	if d > 2*longestWait {
		b.failed = 0
	}
	return b.wasOfUse(d)
}

// wasOfUse reports whether a time in service, perhaps not over, is of use; then
// there is no loop.
func (b *backoff) wasOfUse(d time.Duration) bool {
	if d < useful {
		return false
	}
	b.useless = 0
	return true
}

// budget bounds how many starts a group makes because of deaths. The zero value
// is full.
type budget struct {
	whole time.Time // when all that was taken will be there again
}

// take pays for one start, from a budget that can hold size, and returns how long
// to wait for it. Those that wait do so in turn.
func (b *budget) take(now time.Time, cost, size time.Duration) time.Duration {
	if b.whole.Before(now) {
		b.whole = now
	}
	b.whole = b.whole.Add(cost)
	return max(0, b.whole.Sub(now)-size)
}

// startAfter returns how long to wait with the start after a life, whose
// process has ended though nobody had told it to, or could not start.
func (g *Group) startAfter(l *life, now time.Time) time.Duration {
	b := &l.place.backoff
	served := time.Duration(0)
	if !l.ready.IsZero() {
		served = now.Sub(l.ready)
	}
	size := max(leastBudget, perProcess*time.Duration(g.o.Processes))
	switch ofUse := b.lived(served); {
	case served >= longLife:
		return 0
	case l.killedByOthers():
		return g.budget.take(now, killCost, size)
	case ofUse:
		return g.budget.take(now, crashCost, size)
	}
	return b.useless.next()
}
