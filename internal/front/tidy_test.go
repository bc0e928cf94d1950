package front

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// TestMemoryComesBack: what attackers have used is given back to the system some
// time after they have left.
func TestMemoryComesBack(t *testing.T) {
	s := start(t, Options{App: app(echo), LimitRequestBody: NoLimit})
	before := heldMemory()
	var conns []net.Conn
	for range 40 {
		c := dial(t, s)
		conns = append(conns, c)
		if _, err := io.WriteString(c, fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n%s", strings.Repeat("a", 900_000))); err != nil {
			t.Fatal(err)
		}
	}
	poll(t, "memory to be used", func() bool { return s.ahead.lent.Load() > 30<<20 })
	for _, c := range conns {
		c.Close()
	}
	poll(t, "memory to come back", func() bool { return heldMemory() < before+10<<20 })
}
