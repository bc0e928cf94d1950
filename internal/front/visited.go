package front

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// visited is a file that is open only while it is read: a stream of HTTP/2 whose
// client takes nothing keeps no descriptor. A connection has a hundred of them.
type visited struct {
	name string
	info fs.FileInfo // of the file that was found first
	at   int64
}

var errReplaced = errors.New("the file was changed or replaced while it was sent")

func (v *visited) Read(p []byte) (int, error) {
	f, err := os.Open(v.name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !os.SameFile(info, v.info) || info.Size() != v.info.Size() || !info.ModTime().Equal(v.info.ModTime()) {
		return 0, fmt.Errorf("read %s, %d bytes, last changed %s: %w", v.name, info.Size(), info.ModTime().Format(time.DateTime), errReplaced)
	}
	n, err := f.ReadAt(p, v.at)
	v.at += int64(n)
	if n > 0 {
		err = nil // it comes again
	}
	return n, err
}

// Seek is io.Seeker's.
func (v *visited) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += v.at
	case io.SeekEnd:
		offset += v.info.Size()
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek %s to %d: %w", v.name, offset, fs.ErrInvalid)
	}
	v.at = offset
	return offset, nil
}
