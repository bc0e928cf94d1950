package front

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gophersnake/gophersnake/internal/framing"
	"github.com/gophersnake/gophersnake/internal/gateway"
)

// connection is what the requests of one connection share.
type connection struct {
	text gateway.Conn
	conn *framing.Conn

	serving  atomic.Bool   // HTTP/1: a request has been read since it was idle; HTTP/2: a stream is open
	handlers atomic.Int32  // HTTP/2: requests in ServeHTTP, also of streams that have been reset
	since    atomic.Uint64 // how many connections had come when it began to wait
	limited  time.Duration // of the request that is served; see limit
}

type connectionKey struct{}

// connContext lets the requests of c find its connection.
func connContext(ctx context.Context, c net.Conn) context.Context {
	state := &connection{text: describe(c)}
	if state.conn, _ = c.(*framing.Conn); state.conn != nil {
		state.conn.Owner = state
	}
	return context.WithValue(ctx, connectionKey{}, state)
}

// connectionOf returns the connection of a request.
func connectionOf(ctx context.Context) *connection {
	if c, ok := ctx.Value(connectionKey{}).(*connection); ok {
		return c
	}
	return &connection{}
}

// enter notes that a request is in ServeHTTP; leave follows. net/http may have told
// that a connection of HTTP/2 is idle before that: the client can reset a stream at
// any moment. Only the number of handlers says then what goes on.
func (c *connection) enter(r *http.Request) {
	if r.ProtoMajor == 2 {
		c.handlers.Add(1)
	} else {
		c.serving.Store(true)
	}
}

func (c *connection) leave(r *http.Request) {
	if r.ProtoMajor == 2 {
		c.handlers.Add(-1)
	}
}

func describe(c net.Conn) (text gateway.Conn) {
	text.RemoteAddr, text.RemotePort = splitAddr(c.RemoteAddr())
	text.LocalAddr, text.LocalPort = splitAddr(c.LocalAddr())
	return text
}

// splitAddr returns the address and port of a; "" for what is not TCP.
func splitAddr(a net.Addr) (host, port string) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return "", ""
	}
	return tcp.AddrPort().Addr().Unmap().String(), strconv.Itoa(tcp.Port)
}
