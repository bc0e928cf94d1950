package cli

import (
	"os"
	"runtime"
	"testing"
)

func TestReplaceProcessors(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	t.Setenv("GOMAXPROCS", "")
	os.Unsetenv("GOMAXPROCS")
	tell := replaceProcessors()
	for _, step := range []struct{ kept, want int }{{5, before + 5}, {0, before}, {10000, before + mostKept}, {0, before}} {
		tell(step.kept)
		if got := runtime.GOMAXPROCS(0); got != step.want {
			t.Errorf("kept %d: %d processors, want %d", step.kept, got, step.want)
		}
	}
	t.Setenv("GOMAXPROCS", "3")
	if replaceProcessors() != nil {
		t.Error("what the environment says is changed")
	}
}
