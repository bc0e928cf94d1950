package front

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/gophersnake/gophersnake/internal/framing"
	"github.com/gophersnake/gophersnake/internal/logs"
	"github.com/gophersnake/gophersnake/internal/quiet"
)

// Server answers HTTP requests on any number of listeners.
type Server struct {
	o         Options
	http      *http.Server
	ids       ids
	exchanges sync.Pool
	ahead     readAhead
	crowd     *crowd
	tidier    tidier
	active    atomic.Int64
	warnedHop atomic.Bool // of a hop-by-hop header from the application
	warned204 atomic.Bool // of a body with a status that has none
	accepting acceptance
	draining  atomic.Bool  // each response is the last of its connection
	endless   atomic.Int64 // responses of unknown length of which a part has been flushed
	cut       atomic.Bool  // Shutdown has cut some of those off
	open      openConnections
}

// maxStreams is how many requests a connection of HTTP/2 may have at a time: the
// least that RFC 9113, section 6.5.2, recommends. More would wait for a thread.
const maxStreams = 100

// New returns a server that does not listen yet.
func New(o Options) *Server {
	s := &Server{o: o.withDefaults(), ids: ids{prefix: newPrefix()}}
	s.tidier.least = heldMemory()
	s.crowd = newCrowd(s.o.Descriptors, s.o.Log)
	s.ahead.total = readAheadTotal
	s.exchanges.New = func() any { return newExchange(s) }
	s.http = &http.Server{
		Handler:                      s,
		ReadHeaderTimeout:            s.o.HeaderRate.Initial,
		IdleTimeout:                  s.o.IdleTimeout,
		MaxHeaderBytes:               2 * s.o.Limits.Head, // the guard, and checkHTTP2, refuse less
		DisableGeneralOptionsHandler: true,
		ConnContext:                  connContext,
		ConnState:                    s.connState,
		Protocols:                    new(http.Protocols),
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:                     log.New(errorLog{s.o.Log}, "", 0),
	}
	if s.o.IdleTimeout == 0 {
		s.http.IdleTimeout = -1 // 0 would stand for ReadTimeout
	}
	s.http.Protocols.SetHTTP1(true)
	s.http.Protocols.SetUnencryptedHTTP2(true)
	return s
}

// Serve answers the connections of l, which belongs to it from now on, until
// Shutdown. It returns nil after that, and otherwise why l can accept no more:
// a client that cannot be accepted does not end it.
func (s *Server) Serve(l net.Listener) error {
	guarded := framing.Listen(quiet.Listen(patient{s.crowd.Listen(l)}), framing.Options{
		Limits:       s.o.Limits,
		HTTP2:        true,
		HeadRate:     s.o.HeaderRate,
		BodyRate:     s.o.BodyRate,
		BodyTimeout:  s.o.SocketTimeout,
		WriteTimeout: s.o.SocketTimeout,
		OnRefuse:     s.refused,
		OnGiveUp:     s.gaveUp,
	})
	if !s.accepting.begin(guarded) {
		return guarded.Close()
	}
	err := s.http.Serve(guarded)
	if s.accepting.end(guarded) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s: %w", l.Addr(), err)
}

// Shutdown stops accepting, and waits until running requests, and those that come
// in the next moment on connections that are open, have been answered: see settle.
// When ctx ends first it closes their connections and returns the error of ctx
// without waiting for the application. Streams of events are no reason for an
// error: they have no end, and are cut off then. It may be called more than once,
// and from several goroutines.
func (s *Server) Shutdown(ctx context.Context) error {
	s.settle(ctx)
	defer s.tidier.stop()
	defer s.crowd.wg.Wait() // a moment
	err := s.http.Shutdown(ctx)
	if err == nil {
		return nil
	}
	s.open.each(func(c *framing.Conn) { c.Linger(false) })
	endless := s.endless.Load()
	running := s.Active() - endless
	s.cut.Store(endless > 0)
	closing := s.http.Close()
	if endless > 0 {
		s.o.Log.Log(logs.Record{Level: logs.Info, Module: "core",
			Message: fmt.Sprintf("%d responses without a length, such as streams of events, were cut off", endless)})
	}
	if running <= 0 {
		return closing // what was left was about to end
	}
	return errors.Join(fmt.Errorf("shut down with %d requests running: %w", running, err), closing)
}

// Cut reports that Shutdown has cut off all connections, and responses without a
// length on some of them. Their requests may still run.
func (s *Server) Cut() bool { return s.cut.Load() }

// Active returns how many requests are being answered.
func (s *Server) Active() int64 { return s.active.Load() }

// patient is a listener whose failures to accept one connection are temporary
// in the eyes of net/http, which then tries again after a pause that grows.
type patient struct{ net.Listener }

func (p patient) Accept() (net.Conn, error) {
	c, err := p.Listener.Accept()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return nil, temporary{err}
	}
	return c, err
}

type temporary struct{ error }

func (temporary) Timeout() bool   { return false }
func (temporary) Temporary() bool { return true }
func (t temporary) Unwrap() error { return t.error }
