package supervise

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestTableGoesForward: a life never goes back, every state can be left by the
// end of the group and, if there is a process, by its end.
func TestTableGoesForward(t *testing.T) {
	for state, row := range lifeCycle() {
		from := State(state)
		for _, s := range row {
			if s != nil && s.to < from {
				t.Errorf("%v leads back to %v", from, s.to)
			}
		}
		if from.live() && (row[evExited] == nil || row[evExited].to != Gone) {
			t.Errorf("a process that ends while it is %v is not gone", from)
		}
		if row[evForce] == nil || row[evForce].to < Killed {
			t.Errorf("while it is %v it cannot be killed", from)
		}
		if from <= Draining && row[evShutdown] == nil {
			t.Errorf("while it is %v it does not see the end of the group", from)
		}
	}
}

// TestTableCommands: each command belongs to one state, so that it cannot be
// given twice.
func TestTableCommands(t *testing.T) {
	commands := map[string]State{"drain": Draining, "giveWay": Draining, "stop": Stopping, "kill": Killed, "killLateStart": Killed, "killLateStop": Killed, "killInService": Killed}
	var seen []string
	for state, row := range lifeCycle() {
		for _, s := range row {
			if s == nil || s.act == nil {
				continue
			}
			name := runtime.FuncForPC(reflect.ValueOf(s.act).Pointer()).Name()
			name = name[strings.LastIndexByte(name, '.')+1:]
			to, command := commands[name]
			if command && (s.to != to || State(state) == to) {
				t.Errorf("%s on the way from %v to %v", name, State(state), s.to)
			}
			if command && !slices.Contains(seen, name) {
				seen = append(seen, name)
			}
		}
	}
	if len(seen) != len(commands) {
		t.Errorf("the table has only %q", seen)
	}
}

func TestStateNames(t *testing.T) {
	if Waiting.String() != "waiting" || Gone.String() != "gone" || State(99).String() != "state 99" {
		t.Errorf("%v, %v, %v", Waiting, Gone, State(99))
	}
}
