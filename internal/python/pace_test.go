package python

import (
	"testing"
	"time"
)

// paced is a pace with a clock.
type paced struct {
	pace
	now time.Duration
}

// settle has it learn n calls, one after the other.
func (p *paced) settle(s sample, n int) {
	for range n {
		p.after(s, s.whole)
	}
}

// after has it learn a call that ends so long after the last one.
func (p *paced) after(s sample, passed time.Duration) {
	p.now += passed
	s.ended = p.now
	p.learn(s.flat())
}

var (
	computing = sample{whole: 140 * time.Microsecond, computed: 139 * time.Microsecond}
	waiting   = sample{whole: 5 * time.Millisecond, computed: 140 * time.Microsecond}
)

func TestPaceOfOneKindOfCalls(t *testing.T) {
	for _, test := range []struct {
		name   string
		before sample
		sample
		want uint32
	}{
		{"short", computing, sample{whole: 5 * time.Microsecond, computed: 5 * time.Microsecond}, short},
		{"compute", waiting, computing, takeTurns},
		{"wait", computing, waiting, waits},
		{"wait, and hardly compute", computing, sample{whole: 5 * time.Millisecond, computed: 20 * time.Microsecond}, waits},
		{"wait so shortly that it does not matter", computing, sample{whole: 90 * time.Microsecond, computed: 20 * time.Microsecond}, short},
		{"between, and took turns", computing, sample{whole: 30 * time.Microsecond, computed: 30 * time.Microsecond}, takeTurns},
		{"between, and took none", waiting, sample{whole: 30 * time.Microsecond, computed: 30 * time.Microsecond}, short},
		{"wait a third, and took turns", computing, sample{whole: 150 * time.Microsecond, computed: 100 * time.Microsecond}, takeTurns},
		{"wait a third, and took none", waiting, sample{whole: 150 * time.Microsecond, computed: 100 * time.Microsecond}, waits},
	} {
		t.Run(test.name, func(t *testing.T) {
			var p paced
			p.settle(test.before, 100)
			p.settle(test.sample, 200)
			for p.kind() == probing {
				p.settle(test.sample, 1)
			}
			if got := p.kind(); got != test.want {
				t.Errorf("kind of pace: %d, want %d", got, test.want)
			}
		})
	}
}

// TestPaceOfOneThatWasLate checks that a call which was without a processor for a
// moment does not make others wait side by side; a few in a row do.
func TestPaceOfOneThatWasLate(t *testing.T) {
	var p paced
	quick := sample{whole: 3 * time.Microsecond, computed: 3 * time.Microsecond}
	late := sample{whole: 10 * time.Millisecond, computed: 3 * time.Microsecond}
	for range 20 {
		p.settle(late, 1)
		if p.kind() != short {
			t.Fatalf("kind of pace: %d, want %d", p.kind(), short)
		}
		p.settle(quick, 20)
	}
	p.settle(late, 3)
	if p.kind() != waits {
		t.Errorf("kind of pace: %d, want %d", p.kind(), waits)
	}
}

// probe has it learn calls until a probe begins, and those of the probe, which
// use so much of a processor, in percent. It returns how many came before.
func (p *paced) probe(t *testing.T, s sample, used int) (before int) {
	t.Helper()
	for ; p.kind() != probing; before++ {
		if before > 5000 {
			t.Fatal("no probe has come")
		}
		p.settle(s, 1)
	}
	for n := 0; p.kind() == probing; n++ {
		if n > 5000 {
			t.Fatal("the probe does not end")
		}
		p.after(s, s.computed*100/time.Duration(used))
	}
	return before
}

func TestPaceOfCallsWithoutGIL(t *testing.T) {
	var p paced
	p.settle(computing, 5)
	for i, step := range []struct {
		used int
		want uint32
	}{
		{98, takeTurns},
		{150, apart},
		{106, apart},     // so little less than before changes nothing
		{98, takeTurns},  // another application, say
		{106, takeTurns}, // nor does so little more
		{180, apart},
		{20, apart}, // hardly any calls: nothing was learnt
		{95, takeTurns},
		{20, takeTurns},
	} {
		p.probe(t, computing, step.used)
		if got := p.kind(); got != step.want {
			t.Fatalf("step %d, %d %% of a processor: kind of pace %d, want %d", i, step.used, got, step.want)
		}
	}
}

// TestPaceIsDoubtedLess checks that probes, which cost, become rare while they
// find the same, and frequent again when they find something else.
func TestPaceIsDoubtedLess(t *testing.T) {
	var p paced
	p.settle(computing, 5)
	first := p.probe(t, computing, 98)
	last := first
	for range 12 {
		last = p.probe(t, computing, 98)
	}
	if last < 100*first {
		t.Errorf("%d calls until the next probe, the first came after %d", last, first)
	}
	p.probe(t, computing, 150)
	if again := p.probe(t, computing, 150); again > 2*first {
		t.Errorf("%d calls until the next probe after a change, the first came after %d", again, first)
	}
}

// TestPaceIsRemembered checks that calls which compute without the GIL need not
// be found out anew after others have waited.
func TestPaceIsRemembered(t *testing.T) {
	var p paced
	p.settle(computing, 5)
	p.probe(t, computing, 150)
	p.settle(waiting, 100)
	if p.kind() != waits {
		t.Fatalf("kind of pace: %d, want %d", p.kind(), waits)
	}
	for n := 0; p.kind() == waits && n < 1000; n++ {
		p.settle(computing, 1)
	}
	if p.kind() != apart {
		t.Errorf("kind of pace: %d, want %d", p.kind(), apart)
	}
}
