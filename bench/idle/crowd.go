package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	helloBody = "Hello World!\n" // of hello.py
	// perAddress is how many connections come from one loopback address: fewer than there are ports for clients, of which
	// Linux has 28 232.
	perAddress = 20_000
	// atOnce is how many connections are opened, or used, at a time.
	atOnce      = 32
	patience    = 30 * time.Second // for one answer
	mostClients = 250 * perAddress
)

// A crowd is connections to one server. Its methods are for one goroutine.
type crowd struct {
	address     string
	connections []net.Conn
}

// open opens n connections and makes a request over each. After an error none is left open.
func open(ctx context.Context, address string, n int) (*crowd, error) {
	if n > mostClients {
		return nil, fmt.Errorf("open %d connections: there are ports for %d", n, mostClients)
	}
	c := &crowd{address: address, connections: make([]net.Conn, n)}
	err := each(ctx, n, func(ctx context.Context, i int) error {
		dialer := net.Dialer{LocalAddr: source(i), Timeout: patience}
		var err error
		if c.connections[i], err = dialer.DialContext(ctx, "tcp", address); err != nil {
			return fmt.Errorf("open: %w", err)
		}
		return c.ask(i)
	})
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// source is where the i-th connection comes from: 127.0.0.1, then 127.0.0.2 and so on.
func source(i int) *net.TCPAddr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i/perAddress))} }

// askAll makes a request over each connection: that none was closed shows.
func (c *crowd) askAll(ctx context.Context) error {
	return each(ctx, len(c.connections), func(_ context.Context, i int) error { return c.ask(i) })
}

// ask makes a request over the i-th connection, and compares the answer.
func (c *crowd) ask(i int) error {
	connection := c.connections[i]
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", c.address); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(connection, 512), nil)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if response.StatusCode != http.StatusOK || string(body) != helloBody || response.Close {
		return fmt.Errorf("answered %s, %.80q, closes %v; want %q and the connection kept", response.Status, body, response.Close, helloBody)
	}
	return nil
}

func (c *crowd) close() error {
	var errs []error
	for _, connection := range c.connections {
		if connection != nil {
			errs = append(errs, connection.Close())
		}
	}
	return errors.Join(errs...)
}

// each calls do for 0 to n-1, some at a time, and returns when all have returned. The first error, or the end of ctx,
// ends it and is its error.
func each(ctx context.Context, n int, do func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(n, atOnce) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(ctx, i); err != nil {
					cancel(fmt.Errorf("connection %d: %w", i, err)) // the first cause stays
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}
