// Package status is how a running server tells its figures: what they are, how
// they are sent over a socket in the file system that only its account and root
// can use, how they are fetched and printed. Where the figures come from it does
// not know: a function gives them.
package status

import "time"

// Snapshot is the figures of a server at one moment.
type Snapshot struct {
	PID     int       `json:"pid"`
	Version string    `json:"version"` // of the program
	Address string    `json:"address"` // that it listens on; "" if not told
	Started time.Time `json:"started"`
	Groups  []Group   `json:"groups"`
}

// Group is the figures of a process group.
type Group struct {
	Name      string    `json:"name"`
	User      string    `json:"user"`
	Python    string    `json:"python"`   // version; "" while it is not known
	Waiting   int       `json:"waiting"`  // requests for which no process is free
	Bound     int       `json:"bound"`    // how many may wait
	Rejected  uint64    `json:"rejected"` // requests refused since the start
	Processes []Process `json:"processes"`
}

// Process is the figures of one process of a group. Counts are since the start
// of the server where they concern the place in the group, and of the process
// where they concern its work.
type Process struct {
	PID       int    `json:"pid"` // 0 while there is none
	State     string `json:"state"`
	Threads   int    `json:"threads"`
	Busy      int    `json:"busy"`       // threads with a request
	Queued    int    `json:"queued"`     // requests given to it and not begun
	Served    uint64 `json:"served"`     // requests
	Restarts  uint64 `json:"restarts"`   // of the place
	NotLoaded string `json:"not_loaded"` // why a script has not loaded; "" if all have
	LastCause string `json:"last_cause"` // of the last restart; "" for none
	Resident  int64  `json:"resident"`   // bytes of memory; 0 if not known
	// GILWait is how many nanoseconds a request waited for Python's lock before
	// it ran, on average; nil if not known.
	GILWait *time.Duration `json:"gil_wait_ns"`
	Started time.Time      `json:"started"`
}
