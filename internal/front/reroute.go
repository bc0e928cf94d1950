package front

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// maxReroutes is how many internal redirects may follow each other, as in
// Apache.
const maxReroutes = 10

// redirectOf returns the redirect that err is, or nil.
func redirectOf(err error) *gateway.Redirect {
	if err == nil {
		return nil
	}
	var to *gateway.Redirect
	errors.As(err, &to)
	return to
}

// reroute serves another path in place of the application's response: as GET,
// without a body. The client is not told, and the access log shows what it
// asked for.
func (x *exchange) reroute(to *gateway.Redirect) {
	if x.reroutes == maxReroutes {
		x.log(logs.Error, "the application redirected "+strconv.Itoa(maxReroutes)+" times to another path, the last time to "+quote(to.Location))
		x.page(http.StatusInternalServerError)
		return
	}
	target, err := parseLocation(to.Location)
	if err != nil {
		x.log(logs.Error, "the application redirected to what is no path: "+err.Error())
		x.page(http.StatusInternalServerError)
		return
	}
	x.reroutes++
	asked := x.r
	x.req.Redirected = &gateway.Redirected{Path: asked.URL.Path, Query: asked.URL.RawQuery}
	x.req.Prefix, x.req.Body = nil, nil
	x.r = withoutBody(asked, target)
	x.route()
	x.r = asked
}

// parseLocation returns the path and the query of a Location that begins with a
// slash.
func parseLocation(location string) (*url.URL, error) {
	location, _, _ = strings.Cut(location, "#")
	u, err := url.ParseRequestURI(location)
	if err != nil {
		return nil, fmt.Errorf("parse location: %w", err)
	}
	return u, nil
}

// withoutBody returns a GET request for target that is r otherwise. net/http
// keeps r.
func withoutBody(r *http.Request, target *url.URL) *http.Request {
	next := *r
	next.Method, next.URL = http.MethodGet, target
	next.Body, next.ContentLength, next.TransferEncoding = http.NoBody, 0, nil
	delete(next.Header, "Content-Length")
	delete(next.Header, "Transfer-Encoding")
	return &next
}
