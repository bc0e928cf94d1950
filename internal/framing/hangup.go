package framing

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Hangup asks the system, without waiting, whether the client has closed the side
// that it sends on, which it may have done to the whole connection, and whether
// the connection is over for certain. What has not been read does not matter. Any
// goroutine may call it; a connection that is none of the system's is open.
func (c *Conn) Hangup() (half, whole bool) {
	conn, ok := c.Conn.(syscall.Conn)
	if !ok {
		return false, false
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return true, true // it is closed
	}
	poll := []unix.PollFd{{Events: unix.POLLRDHUP}}
	err = raw.Control(func(fd uintptr) {
		poll[0].Fd = int32(fd)
		_, _ = unix.Poll(poll, 0) // interrupted: it is open, until it is asked again
	})
	if err != nil {
		return true, true
	}
	whole = poll[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
	return whole || poll[0].Revents&unix.POLLRDHUP != 0, whole
}
