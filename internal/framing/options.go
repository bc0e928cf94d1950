package framing

import "time"

// Limits bounds what the guard lets pass; the zero value of a field stands for
// its default. Line lengths do not count the line end.
type Limits struct {
	RequestLine int // 8190
	HeaderLine  int // 8190
	Headers     int // header lines of one head; 100
	Head        int // bytes of one head, with line ends; 65536
}

// WithDefaults returns l with the default in place of each zero.
func (l Limits) WithDefaults() Limits {
	for _, f := range []struct {
		field *int
		value int
	}{
		{&l.RequestLine, 8190}, {&l.HeaderLine, 8190}, {&l.Headers, 100}, {&l.Head, 64 << 10},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return l
}

// Options is what the connections of one listener share. The zero value is
// usable: default limits, no HTTP/2, no time-outs, nobody told of refusals.
type Options struct {
	Limits Limits
	// HTTP2 lets a connection that begins with the preface of HTTP/2 pass
	// unseen; otherwise the preface is refused.
	HTTP2 bool
	// HeadRate and BodyRate say how slow a client may be. A head has the time of
	// HeadRate.Initial by a read deadline of the user's; then the guard gives it
	// what it has earned. Of a body only the time counts in which it is waited
	// for.
	HeadRate, BodyRate Rate
	// BodyTimeout is how long one read of a request body may take, and
	// WriteTimeout how long the client may take nothing of what is sent.
	// 0 stands for ever.
	BodyTimeout, WriteTimeout time.Duration
	// OnRefuse is told once of each connection that is refused, before the
	// status page is sent. It is called on the goroutine that reads or writes
	// the connection.
	OnRefuse func(*Conn, *Refusal)
	// OnGiveUp is told of what net/http gives up on a connection of HTTP/2
	// because of what the client sent, on the goroutine that writes it. It must
	// not use the connection.
	OnGiveUp func(*Conn, GivenUp)
}
