package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// answerTime is how long a peer has to take the answer.
const answerTime = 5 * time.Second

// maxPeers is how many are answered at a time; others wait.
const maxPeers = 16

// Server answers each connection with one Snapshot as JSON, and ends it.
type Server struct {
	path   string
	file   os.FileInfo // of the socket
	socket *net.UnixListener
	report func() Snapshot
	refuse func(error)
	admit  func(*net.UnixConn) error
	limit  time.Duration
}

// Listen opens the socket at path, which only this account and root can use.
// Its directory is made, with mode 0700, if its parent is there; one that others
// may write in, that belongs to another account or that is a symbolic link is
// refused. A path at which a server answers gives an ErrRunning; what a dead one
// left is replaced. The Server calls report for each peer and log for each that
// was not answered, both from several goroutines. Serve must be called.
func Listen(path string, report func() Snapshot, log func(error)) (*Server, error) {
	socket, err := listen(path)
	if err != nil {
		return nil, err
	}
	file, err := os.Lstat(path)
	if err != nil {
		socket.Close()
		return nil, fmt.Errorf("listen for status: %w", err)
	}
	return &Server{path: path, file: file, socket: socket, report: report, refuse: log, admit: admit, limit: answerTime}, nil
}

// Serve answers until the context ends, waits for the answers under way, closes
// and removes the socket. It is called once. A nil error means that the context
// has ended it.
func (s *Server) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.socket.Close() })
	defer stop()
	defer s.remove()
	defer s.socket.Close()
	var answering sync.WaitGroup
	defer answering.Wait()
	places := make(chan struct{}, maxPeers)
	for {
		conn, err := s.accept(ctx)
		if err != nil || conn == nil {
			return err
		}
		places <- struct{}{} // at most until the oldest has used up its time
		answering.Go(func() {
			defer func() { <-places }()
			defer conn.Close()
			if err := s.answer(conn); err != nil {
				s.refuse(fmt.Errorf("answer status on %s: %w", s.path, err))
			}
		})
	}
}

// acceptPause is how long nothing is accepted when the system lacks something.
const acceptPause = 100 * time.Millisecond

// accept returns the next connection, nil at the end of the context. What may
// pass, such as too many open files, it waits out.
func (s *Server) accept(ctx context.Context) (*net.UnixConn, error) {
	for {
		conn, err := s.socket.AcceptUnix()
		switch {
		case err == nil:
			return conn, nil
		case ctx.Err() != nil:
			return nil, nil
		case errors.Is(err, net.ErrClosed):
			return nil, fmt.Errorf("accept status connection: %w", err)
		}
		s.refuse(fmt.Errorf("accept status connection: %w", err))
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(acceptPause):
		}
	}
}

// answer writes the figures. The peer need not say anything; one that does not
// take them is left when its time is up, and one that goes is no error.
func (s *Server) answer(conn *net.UnixConn) error {
	if err := s.admit(conn); err != nil {
		return err
	}
	text, err := json.Marshal(s.report())
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(s.limit)); err != nil {
		return err
	}
	_, err = conn.Write(append(text, '\n'))
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return err
}

// remove removes the socket, unless someone has put another in its place.
func (s *Server) remove() {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
		if err := os.Remove(s.path); err != nil {
			s.refuse(fmt.Errorf("remove status socket: %w", err))
		}
	}
}
