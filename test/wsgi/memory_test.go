package wsgi

import (
	"bytes"
	"io"
	"os"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// memory is a response that is kept.
type memory struct {
	head gateway.Head
	body bytes.Buffer
}

var _ gateway.ResponseWriter = (*memory)(nil)

func (m *memory) WriteHead(h *gateway.Head) error {
	m.head = *h
	return nil
}

func (m *memory) Write(p []byte) (int, error) { return m.body.Write(p) }

func (m *memory) Flush() error { return nil }

func (m *memory) SendFile(f *os.File, n int64) (int64, error) {
	return io.CopyN(&m.body, f, n)
}
