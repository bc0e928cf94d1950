package daemon

import (
	"context"
	"errors"
	"testing"

	"github.com/gophersnake/gophersnake/internal/flat"
	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/ring/ringtest"
)

// TestInternalRedirect: status 200 and a path in Location ask for another path;
// nothing of the response is handed on.
func TestInternalRedirect(t *testing.T) {
	for _, c := range []struct {
		status     int
		name, path string
		redirects  bool
	}{
		{200, "Location", "/to?a=b", true},
		{200, "location", "/", true},
		{200, "Location", "http://host/to", false},
		{200, "Location", "", false},
		{200, "Locations", "/to", false},
		{201, "Location", "/to", false},
		{302, "Location", "/to", false},
	} {
		head := flat.AppendHead(nil, &gateway.Head{Status: c.status, ContentLength: -1, Fields: []gateway.Field{{Name: "A", Value: "b"}, {Name: c.name, Value: c.path}}})
		s := newSite(t, Options{})
		written := make(chan error, 1)
		p := s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
			switch path(q) {
			case "/complete":
				q.Done(ringtest.Outcome{Out: append(head, "dropped"...)})
			case "/file":
				q.Done(ringtest.Outcome{Kind: ringtest.File, Out: head, Count: 4})
			case "/streamed":
				err := q.Send(append(head, "dropped"...))
				for range 10 {
					if err == nil {
						err = q.Write([]byte("more"), true)
					}
				}
				q.Done(ringtest.Outcome{Kind: ringtest.Streamed})
				written <- err
			default:
				echo(q)
			}
		})
		for _, uri := range []string{"/complete", "/streamed"} {
			w := &recorder{}
			err := s.g.App(Script{}).Serve(context.Background(), request(uri), w)
			var to *gateway.Redirect
			switch {
			case errors.As(err, &to) != c.redirects:
				t.Errorf("%s, status %d, %s %q: %v", uri, c.status, c.name, c.path, err)
			case c.redirects && (to.Location != c.path || w.head != nil || w.body.Len() > 0):
				t.Errorf("%s: to %q, and the response has begun: %v", uri, to.Location, w.head)
			case !c.redirects && w.head.Status != c.status:
				t.Errorf("%s: %+v", uri, w.head)
			}
		}
		if err := within(t, written); errors.Is(err, ringtest.ErrCancelled) != c.redirects {
			t.Errorf("the application goes on: %v", err)
		}
		if w := s.get("/next"); w.text() != "/next" {
			t.Errorf("the thread is not free: %q, %s", w.text(), w.kind())
		}
		s.g.Remove(p.Process, "")
	}
}

// TestRedirectByFile: the file of a redirect is closed.
func TestRedirectByFile(t *testing.T) {
	s := newSite(t, Options{})
	at := make(chan *ringtest.Request, 1)
	p := s.add(ProcessOptions{Threads: 1}, func(q *ringtest.Request) {
		at <- q
		q.Done(ringtest.Outcome{Kind: ringtest.File, Count: 4, Out: flat.AppendHead(nil, &gateway.Head{
			Status: 200, ContentLength: -1, Fields: []gateway.Field{{Name: "Location", Value: "/to"}}})})
	})
	c := s.send(context.Background(), request("/"))
	q := within(t, at)
	f := file(t, "text")
	p.Deliver(q.Index, q.Generation, f)
	w := within(t, c)
	var to *gateway.Redirect
	if !errors.As(w.err, &to) || !closed(f) {
		t.Errorf("%v, file closed: %v", w.err, closed(f))
	}
}
