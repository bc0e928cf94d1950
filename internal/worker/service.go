package worker

// Service waits for what a process does that serves no requests, and returns the
// exit status that run has returned. When the parent goes first, the error is
// ErrParentGone, and run is left to the end of the process, which is to come now.
func Service(run func() int, parentGone <-chan struct{}) (status int, err error) {
	done := make(chan int, 1)
	go func() { done <- run() }()
	select {
	case status := <-done:
		return status, nil
	case <-parentGone:
		return 0, ErrParentGone
	}
}
