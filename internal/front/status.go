package front

import (
	"errors"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// retryAfter is how many seconds a client that found every thread busy is asked
// to wait.
const retryAfter = "5"

// failed answers for an application that failed before it sent anything. Why is
// in the error log already.
func (x *exchange) failed(err error) {
	clear(x.w.Header())
	if x.body.tooLarge {
		x.close().page(http.StatusRequestEntityTooLarge)
		return
	}
	if x.body.timeout {
		x.close().page(http.StatusRequestTimeout)
		return
	}
	kind := gateway.Failed
	var failure *gateway.Error
	if errors.As(err, &failure) {
		kind = failure.Kind
	}
	if kind == gateway.Failed && x.body.timeout {
		x.close().page(http.StatusRequestTimeout)
		return
	}
	switch kind {
	case gateway.NotFound:
		x.page(http.StatusNotFound)
	case gateway.Forbidden:
		x.page(http.StatusForbidden)
	case gateway.Busy:
		x.busy()
	case gateway.Timeout:
		x.writeHead(http.StatusGatewayTimeout, 0) // without a page, as mod_wsgi
	case gateway.Gone:
		x.page(http.StatusBadGateway)
	default:
		x.page(http.StatusInternalServerError)
	}
}

// busy tells the client to come back later.
func (x *exchange) busy() {
	x.w.Header().Set("Retry-After", retryAfter)
	x.page(http.StatusServiceUnavailable)
}

// crashed ends a request in which code of ours panicked.
func (x *exchange) crashed(p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		x.cut = true
		return
	}
	x.log(logs.Crit, "panic while serving a request, please report: "+text(p)+"\n"+string(debug.Stack()))
	if x.status != 0 {
		x.cut = true
		return
	}
	clear(x.w.Header())
	x.close().page(http.StatusInternalServerError)
}

// page sends a status page: the status and the id by which the request is found
// in the error log, and nothing else.
func (x *exchange) page(status int) {
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	body := "<!DOCTYPE html>\n<title>" + title + "</title>\n<h1>" + title + "</h1>\n<p>Request " + x.req.ID + "</p>\n"
	x.w.Header()["Content-Type"] = x.value("text/html; charset=utf-8")
	x.writeHead(status, int64(len(body)))
	if !x.bodiless {
		// An error means that nobody is there to read the page.
		_, _ = x.Write([]byte(body))
	}
}

// notAllowed refuses the method.
func (x *exchange) notAllowed() {
	x.log(logs.Info, "method "+quote(x.r.Method)+" refused")
	x.w.Header()["Allow"] = x.value(allowed)
	x.page(http.StatusMethodNotAllowed)
}

// options answers OPTIONS for what is not the application's.
func (x *exchange) options(methods string) {
	x.w.Header()["Allow"] = x.value(methods)
	x.writeHead(http.StatusOK, 0)
}

// redirect sends the client to another path of this site.
func (x *exchange) redirect(path string) {
	target := url.URL{Path: path, RawQuery: x.r.URL.RawQuery}
	x.w.Header()["Location"] = x.value(target.String())
	x.page(http.StatusMovedPermanently)
}
