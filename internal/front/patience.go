package front

import (
	"context"
	"strconv"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// DefaultSocketTimeout is Options.SocketTimeout when that is 0.
const DefaultSocketTimeout = 60 * time.Second

var _ gateway.WriteLimiter = (*exchange)(nil)

// LimitWrites returns app with a limit of its own for how long a client may take
// nothing of a response; 0 leaves it the server's. Ten clients that take nothing
// hold ten threads of app, so that this may have to be shorter than the server's.
func LimitWrites(app gateway.App, d time.Duration) gateway.App {
	if d == 0 {
		return app
	}
	return limited{app, d}
}

type limited struct {
	app   gateway.App
	limit time.Duration
}

func (l limited) Serve(ctx context.Context, r *gateway.Request, w gateway.ResponseWriter) error {
	if patient, ok := w.(gateway.WriteLimiter); ok {
		patient.LimitWrites(l.limit)
	}
	return l.app.Serve(ctx, r, w)
}

// LimitWrites is gateway.WriteLimiter's.
func (x *exchange) LimitWrites(d time.Duration) { x.patience = d }

// limit sets for how long the client may take nothing. It belongs to the request
// that is served, of which a connection of HTTP/1 has one at a time.
func (c *connection) limit(d time.Duration) {
	if c.conn != nil && c.limited != d {
		c.limited = d
		c.conn.SetWriteTimeout(d)
	}
}

func (x *exchange) writeTimeout() time.Duration {
	if x.patience > 0 {
		return x.patience
	}
	return x.s.o.SocketTimeout
}

// logSlowClient tells why a response ends before its time.
func (x *exchange) logSlowClient() {
	name := "socket-timeout"
	if x.patience > 0 {
		name = "response-socket-timeout"
	}
	x.log(logs.Info, "the client took nothing of the response for "+x.writeTimeout().String()+" ("+name+"): the response is cut")
}

// logSlowBody tells why a body ends before its time.
func (x *exchange) logSlowBody() {
	o := &x.s.o
	who := "the client"
	if !x.body.ahead {
		who = "reading the request body fails: the application waited for the client, which"
	}
	message := who + " stopped sending in the middle of the request body, or sends it too slowly: " +
		strconv.FormatInt(x.body.got, 10) + " bytes have come; socket-timeout " + o.SocketTimeout.String()
	if r := o.BodyRate; r.Initial > 0 {
		message += ", body-timeout " + r.Initial.String() + ", body-min-rate " + strconv.FormatInt(r.Min, 10) + " bytes a second"
		if r.Max > 0 {
			message += ", body-max-timeout " + r.Max.String()
		}
	}
	x.log(logs.Info, message)
}
