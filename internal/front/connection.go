package front

import (
	"context"
	"net"
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

	serving atomic.Bool   // a request has been read since it was idle
	since   atomic.Uint64 // how many connections had come when it began to wait
	limited time.Duration // of the request that is served; see limit
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
