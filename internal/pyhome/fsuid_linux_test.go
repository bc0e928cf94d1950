package pyhome

import "golang.org/x/sys/unix"

// setFileAccess changes whose files the calling thread can reach.
func setFileAccess(uid int) { _ = unix.Setfsuid(uid) }
