package reply

import (
	"errors"
	"fmt"

	"github.com/gophersnake/gophersnake/internal/gateway"
)

// Kind is how a request ended inside Python.
type Kind uint32

// The kinds, in the order of enum gs_kind in call.h of package python.
const (
	Complete  Kind = iota // the response is there as a whole
	File                  // its head is there, and the body is a file
	Streamed              // it has been handed on in pieces
	Failed                // nothing was sent: 500
	NotFound              // the script is not there: 404
	Forbidden             // the script is not a file: 403
	Timeout               // interrupted before anything was sent: 504
	Aborted               // it failed after the head was sent
	Gone                  // the client went away
	Stale                 // the script changed, and nothing was done
	Denied                // the script may not be run: 403
)

// Causes of a gateway.Error; the error log has the details.
var (
	errScript    = errors.New("the application failed")
	errNoScript  = errors.New("the script does not exist")
	errNotScript = errors.New("the script is not a file")
	errDenied    = errors.New("the script may not be run")
	errTimeout   = errors.New("the request was interrupted")
	errCut       = errors.New("the application failed in the middle of the response")
)

// Verdict returns what App.Serve is to return for a request that has no response
// to hand on, or none any more. message is for the error log, at level error; it
// is "" where the adapter has said all.
func (k Kind) Verdict(script string) (message string, err error) {
	switch k {
	case Complete, File, Streamed, Gone:
		return "", nil
	case NotFound:
		return "WSGI0135: Target WSGI script not found or unable to stat: " + script,
			&gateway.Error{Kind: gateway.NotFound, Err: errNoScript}
	case Forbidden:
		return "WSGI0136: Attempt to invoke directory as WSGI application: " + script,
			&gateway.Error{Kind: gateway.Forbidden, Err: errNotScript}
	case Denied:
		return "", &gateway.Error{Kind: gateway.Forbidden, Err: errDenied}
	case Timeout:
		return "", &gateway.Error{Kind: gateway.Timeout, Err: errTimeout}
	case Aborted:
		return "", &gateway.Error{Kind: gateway.Aborted, Err: errCut}
	}
	return "", &gateway.Error{Kind: gateway.Failed, Err: errScript}
}

// Excess tells of a response that was longer than the length it declared.
func Excess(length int64) string {
	return fmt.Sprintf("response body is longer than its Content-Length of %d bytes; the rest is dropped", length)
}
