// Package front is the HTTP server: it reads requests with net/http behind the
// guard of package framing, serves static files, and passes everything else to
// a gateway.App, whose responses it holds to HTTP's rules. It knows nothing of
// Python, of command lines, or of configuration files.
package front

import (
	"time"

	"github.com/gophersnake/gophersnake/internal/dispatch"
	"github.com/gophersnake/gophersnake/internal/framing"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/mediatype"
)

// NoLimit stands for "none" where the zero value stands for a default.
const NoLimit = -1

// AccessLog is told of each request that was answered, on the goroutine that
// answered it. The entry is borrowed for the call.
type AccessLog interface{ LogAccess(*logs.AccessEntry) }

// Application is one of those that a Server passes requests to.
type Application struct {
	App   gateway.App
	Group *dispatch.Group // names the interpreter; nil: the main one
}

// Options says what a Server does. Only App or Applications is required.
type Options struct {
	App   gateway.App     // the only application
	Group *dispatch.Group // names its interpreter; nil: the main one
	// Applications stand in place of App and Group where there are several:
	// one for each that Table can name, by its number.
	Applications []Application
	Table        *dispatch.Table  // nil: the application serves every path
	Types        *mediatype.Table // of static files; nil: those of mediatype.New

	Log       logs.Logger // nil: nothing is logged
	AccessLog AccessLog   // nil: none

	// ServerName and ServerPort are SERVER_NAME and SERVER_PORT of a request
	// without Host; "" stands for "localhost" and the port of Scheme.
	ServerName, ServerPort string
	Scheme                 string // "" stands for "http"
	// ServerHeader is sent as Server unless the application sends one; ""
	// stands for none, which is what most sites prefer.
	ServerHeader string

	Limits framing.Limits
	// LimitRequestBody is in bytes; 0 stands for 10485760, NoLimit for none.
	LimitRequestBody int64
	// ChunkedRequest lets bodies of unknown length reach the application, in both
	// protocols. Otherwise they get 411.
	ChunkedRequest bool
	// ReadAhead is the length in bytes up to which a body is read before the
	// application is called, at most MaxReadAhead; 0 stands for 1048576, NoLimit for
	// not at all. A longer one is left to the application, of one of unknown
	// length so much is read. The memory of all requests together is bounded: when
	// it is used up, the application is called earlier.
	ReadAhead int64

	// Descriptors is how many the Server may use: connections and files that are
	// sent are bounded so that some are left; 0 stands for what the limit of open
	// files leaves.
	Descriptors int

	// HeaderRate and BodyRate say how slow a client may be at sending a head and
	// a body; Initial 0 stands for the default of Apache's RequestReadTimeout,
	// NoLimit for no limit.
	HeaderRate, BodyRate framing.Rate
	IdleTimeout          time.Duration // of kept-alive connections; 0: 75 s, NoLimit: none
	// SocketTimeout is how long one read of a body, or one write, may wait for
	// the client; 0: 60 s, NoLimit: none.
	SocketTimeout time.Duration
}

// The rates of Apache's RequestReadTimeout.
var (
	defaultHeaderRate = framing.Rate{Initial: 20 * time.Second, Max: 40 * time.Second, Min: 500}
	defaultBodyRate   = framing.Rate{Initial: 20 * time.Second, Min: 500}
)

func (o Options) withDefaults() Options {
	if o.Table == nil {
		o.Table = &dispatch.Table{}
	}
	if o.Types == nil {
		o.Types = mediatype.New()
	}
	if o.Applications == nil {
		o.Applications = []Application{{App: o.App, Group: o.Group}}
	}
	if o.Log == nil {
		o.Log = logs.Discard{}
	}
	if o.ServerName == "" {
		o.ServerName = "localhost"
	}
	if o.Scheme == "" {
		o.Scheme = "http"
	}
	if o.ServerPort == "" {
		o.ServerPort = portOf(o.Scheme)
	}
	o.Limits = o.Limits.WithDefaults()
	if o.LimitRequestBody == 0 {
		o.LimitRequestBody = 10 << 20
	}
	if o.Descriptors == 0 {
		o.Descriptors = freeDescriptors()
	}
	switch {
	case o.ReadAhead == 0:
		o.ReadAhead = 1 << 20
	case o.ReadAhead < 0:
		o.ReadAhead = 0
	}
	o.HeaderRate = rateOr(o.HeaderRate, defaultHeaderRate)
	o.BodyRate = rateOr(o.BodyRate, defaultBodyRate)
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.IdleTimeout, 75 * time.Second}, {&o.SocketTimeout, DefaultSocketTimeout},
	} {
		switch {
		case *d.field == 0:
			*d.field = d.value
		case *d.field < 0:
			*d.field = 0
		}
	}
	return o
}

// rateOr returns what r stands for.
func rateOr(r, usual framing.Rate) framing.Rate {
	switch {
	case r.Initial == 0:
		return usual
	case r.Initial < 0:
		return framing.Rate{}
	}
	return r
}
