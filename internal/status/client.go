package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 4 << 20

// ErrNotRunning says that there is no server behind a path.
var ErrNotRunning = errors.New("no server is running there")

// Fetch asks the server of a socket. It refuses to ask one of another account,
// unless it is run by root. It takes at most the time that the context and the
// server's own limit allow. Without a server the error is an ErrNotRunning.
func Fetch(ctx context.Context, path string) (Snapshot, error) {
	var s Snapshot
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		err = ErrNotRunning
	}
	if err != nil {
		return s, fmt.Errorf("fetch status from %s: %w", path, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if os.Geteuid() != 0 {
		if err := admit(conn.(*net.UnixConn)); err != nil {
			return s, fmt.Errorf("fetch status from %s: %w", path, err)
		}
	}
	err = json.NewDecoder(io.LimitReader(conn, maxAnswer)).Decode(&s)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, io.EOF): // not a word: it knows why, in its log
		err = errors.New("the server closed the connection without an answer; its log says why")
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("fetch status from %s: %w", path, err)
	}
	return s, nil
}

// Running is a server that has answered.
type Running struct {
	Path string // of its socket
	Snapshot
}

// List asks all servers whose sockets are where DefaultPath puts them for this
// account, in the order of their paths. Sockets that dead servers left are
// passed over. Servers that cannot be asked are in the error, which does not make the
// others worthless.
func List(ctx context.Context) ([]Running, error) { return here().list(ctx) }

func (p places) list(ctx context.Context) ([]Running, error) {
	var found []Running
	var failures []error
	for _, dir := range p.dirs() {
		paths, err := sockets(dir, p.uid)
		failures = append(failures, err)
		for _, path := range paths {
			snapshot, err := Fetch(ctx, path)
			switch {
			case err == nil:
				found = append(found, Running{path, snapshot})
			case !errors.Is(err, ErrNotRunning):
				failures = append(failures, err)
			}
		}
	}
	return found, errors.Join(failures...)
}

// sockets names those of a directory; without the directory there are none.
func sockets(dir string, uid int) ([]string, error) {
	err := checkDir(dir, uid)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	var paths []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), suffix) && entry.Type()&fs.ModeSocket != 0 {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	slices.Sort(paths)
	return paths, err
}
