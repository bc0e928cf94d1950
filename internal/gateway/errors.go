package gateway

import "fmt"

// Kind says what to tell the client about a failed request.
type Kind uint8

// The kinds of an Error.
const (
	Failed    Kind = iota // the application or its script is broken: 500
	NotFound              // there is no script: 404
	Forbidden             // what is there is not a script: 403
	Busy                  // no thread became free in time: 503 with Retry-After
	Timeout               // it took too long: 504
	Gone                  // the process serving it ended: 502
	Aborted               // it broke off after the head was sent: cut the response
)

func (k Kind) String() string {
	switch k {
	case Failed:
		return "failed"
	case NotFound:
		return "not found"
	case Forbidden:
		return "forbidden"
	case Busy:
		return "busy"
	case Timeout:
		return "timeout"
	case Gone:
		return "gone"
	case Aborted:
		return "aborted"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Error is a failure of App.Serve. Its text is for the log, never for a client.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return e.Kind.String() + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Redirect is returned by App.Serve when the application wants another path of
// this server to answer in its place: the caller serves that as it would serve
// a GET without a body. Nothing has been handed to the ResponseWriter.
type Redirect struct{ Location string } // a path, perhaps with a query, as the application gave it

func (r *Redirect) Error() string { return "redirect to " + r.Location }

// BodyError is why the rest of a request body cannot be read; its text follows
// "mod_wsgi request data read error: " in the exception the application gets.
type BodyError struct{ Reason string }

func (e *BodyError) Error() string { return e.Reason }
