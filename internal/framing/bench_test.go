package framing

import (
	"net"
	"testing"
)

const browserHead = "GET /index.html?x=1 HTTP/1.1\r\nHost: www.example.com\r\nConnection: keep-alive\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\n" +
	"Cookie: sessionid=0123456789abcdef0123456789abcdef; csrftoken=0123456789abcdef0123456789abcdef\r\n\r\n"

// endless gives the same bytes at every Read.
type endless struct {
	net.Conn
	data string
}

func (e *endless) Read(p []byte) (int, error) { return copy(p, e.data), nil }

func BenchmarkRead(b *testing.B) {
	for name, head := range map[string]string{"hello": "GET / HTTP/1.1\r\nHost: localhost:8000\r\n\r\n", "browser": browserHead} {
		b.Run(name, func(b *testing.B) {
			c := Guard(&endless{data: head}, Options{})
			buf := make([]byte, 4096)
			b.SetBytes(int64(len(head)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
