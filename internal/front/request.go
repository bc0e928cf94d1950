package front

import (
	"html"
	"net/http"
	"strings"

	"github.com/gophersnake/gophersnake/internal/dispatch"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// allowed is what a resource of the server's own answers to.
const allowed = "GET, HEAD, OPTIONS"

// serve decides what answers the request.
func (x *exchange) serve() {
	r := x.r
	if r.ProtoMajor == 2 && !x.checkHTTP2() {
		return
	}
	switch {
	case r.Method == http.MethodTrace || r.Method == http.MethodConnect:
		x.notAllowed()
		return
	case r.RequestURI == "*":
		x.wholeServer()
		return
	}
	x.route()
}

// route passes the request to what its path names.
func (x *exchange) route() {
	path, ok := x.path()
	if !ok {
		return
	}
	target := x.s.o.Table.Resolve(path)
	switch target.Kind {
	case dispatch.App:
		x.req.ScriptName, x.req.PathInfo = target.ScriptName, target.PathInfo
		x.app = &x.s.o.Applications[target.Application]
		x.serveApp()
	case dispatch.File:
		x.serveFile(target.File)
	case dispatch.Redirect:
		x.redirect(path + "/")
	case dispatch.Forbidden:
		x.log(logs.Error, "access to "+quote(path)+" denied: it is a directory, or not readable")
		x.page(http.StatusForbidden)
	case dispatch.NotFound:
		x.log(logs.Info, "nothing is there for "+quote(path))
		x.page(http.StatusNotFound)
	default:
		x.unavailable(target.Kind, target.Err)
	}
}

// path returns the decoded path of the request, or answers one that has none.
func (x *exchange) path() (string, bool) {
	u := x.r.URL
	if u.Path == "" && u.Opaque == "" {
		return "/", true
	}
	if u.RawPath != "" && dispatch.HidesParent(u.RawPath, u.Path) {
		x.log(logs.Info, "the path of the request has an encoded slash together with ..: "+quote(u.RawPath))
		x.page(http.StatusNotFound)
		return "", false
	}
	path, ok := dispatch.Clean(u.Path)
	switch {
	case ok:
		return path, true
	case strings.IndexByte(u.Path, 0) >= 0:
		x.log(logs.Info, "NUL in the path of the request")
		x.page(http.StatusNotFound)
	default:
		x.log(logs.Info, "the path of the request leads nowhere: "+quote(u.Path))
		x.page(http.StatusBadRequest)
	}
	return "", false
}

// wholeServer answers requests for "*": OPTIONS is the only one there is.
func (x *exchange) wholeServer() {
	if x.r.Method != http.MethodOptions {
		x.log(logs.Info, "request for * with a method other than OPTIONS")
		x.page(http.StatusBadRequest)
		return
	}
	x.options("GET, HEAD, POST, OPTIONS")
}

// describe fills in what the application is told, except for the body.
func (x *exchange) describe() {
	r, q := x.r, &x.req
	q.Method, q.URI, q.Proto, q.Scheme = r.Method, r.RequestURI, r.Proto, x.s.o.Scheme
	q.Query = r.URL.RawQuery
	q.Host = r.Host
	name, port := splitHost(r.Host)
	switch {
	case name == "":
		q.ServerName, q.ServerPort = x.s.o.ServerName, x.s.o.ServerPort
	case port == "":
		q.ServerName, q.ServerPort = escape(name), portOf(x.s.o.Scheme)
	default:
		q.ServerName, q.ServerPort = escape(name), port
	}
	q.ApplicationGroup = x.app.Group.Name(name, port)
	q.Conn = &x.conn.text
	q.Header = r.Header
	for name := range r.Header {
		if !plain(name) || name == "Proxy" {
			delete(r.Header, name)
		}
	}
}

// plain reports a name of letters, digits and "-" only: two names that are
// alike in environ cannot both be plain.
func plain(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// splitHost splits the value of Host into the name, in lower case, and the
// port, "" if there is none. The brackets of an IPv6 address stay.
func splitHost(host string) (name, port string) {
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 || strings.IndexByte(host[colon:], ']') >= 0 || !digits(host[colon+1:]) {
		return strings.ToLower(host), ""
	}
	return strings.ToLower(host[:colon]), host[colon+1:]
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// escape makes name safe to show in a page, as SERVER_NAME is.
func escape(name string) string {
	for i := range len(name) {
		switch name[i] {
		case '<', '>', '&', '"', '\'':
			return html.EscapeString(name)
		}
	}
	return name
}

func portOf(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}
