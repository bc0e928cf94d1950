package launch

import (
	"testing"
	"time"
)

func TestProcesses(t *testing.T) {
	s := start(t, "echo ready; sleep 60 & exec sleep 61")
	settle(t, s)
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	var all []Process
	for len(all) < 2 || all[0].Role != "sleep" || all[1].Role != "sleep" {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("processes %+v, want two that sleep", all)
		}
		var err error
		if all, err = Processes(s.PID()); err != nil {
			t.Fatal(err)
		}
	}
	if all[0].PID != s.PID() || !all[0].Runs() || all[0].Resident <= 0 || all[0].Files < 1 {
		t.Errorf("first process %+v", all[0])
	}
	s.Stop(0)
	if all[0].Runs() {
		t.Error("runs after Stop")
	}
	if _, err := Processes(1 << 30); err == nil {
		t.Error("no error for a process that does not exist")
	}
}
