package listen

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Backlog returns how many connections the system lets wait for being accepted;
// Go asks for as many as it allows.
func Backlog() int {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		return syscall.SOMAXCONN
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return syscall.SOMAXCONN
	}
	return n
}
