package worker

import (
	"errors"
	"testing"
)

func TestService(t *testing.T) {
	if status, err := Service(func() int { return 7 }, nil); status != 7 || err != nil {
		t.Errorf("Service: %d, %v, want 7", status, err)
	}
}

// TestServiceEndsWithItsParent: a script that waits for ever does not keep it.
func TestServiceEndsWithItsParent(t *testing.T) {
	gone, left := make(chan struct{}), make(chan struct{})
	defer close(left)
	run := func() int {
		close(gone)
		<-left
		return 0
	}
	if _, err := Service(run, gone); !errors.Is(err, ErrParentGone) {
		t.Errorf("Service: %v, want %v", err, ErrParentGone)
	}
}
