package status

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// admit returns an error unless the other end is this account or root. Root
// also talks to servers of others, but is not asked by them.
func admit(conn *net.UnixConn) error {
	peer, err := credentials(conn)
	if err != nil {
		return fmt.Errorf("find out who is connected: %w", err)
	}
	return judge(peer, os.Geteuid())
}

func judge(peer *unix.Ucred, uid int) error {
	if int(peer.Uid) == uid || peer.Uid == 0 {
		return nil
	}
	return fmt.Errorf("process %d of account #%d is refused: only account #%d and root may", peer.Pid, peer.Uid, uid)
}

// credentials are those of the moment of connect, or of listen.
func credentials(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var peer *unix.Ucred
	controlErr := raw.Control(func(fd uintptr) {
		peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	return peer, errors.Join(controlErr, err)
}
