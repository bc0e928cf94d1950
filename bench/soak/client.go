package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

const helloBody = "Hello World!\n"

// A client sends numbered jobs over a bounded number of connections. Its methods are for one goroutine.
type client struct {
	url         string
	connections int
	plan        plan
	upload      []byte
	wantUpload  string
	http        *http.Client
}

// A plan spreads uploads evenly among the jobs, so that every part of the run has its share.
type plan struct{ requests, uploads int }

func (p plan) total() int { return p.requests + p.uploads }

// isUpload reports whether job, counted from 0, is an upload.
func (p plan) isUpload(job int) bool {
	return (job+1)*p.uploads/p.total() > job*p.uploads/p.total()
}

func newClient(url string, o options) *client {
	return &client{
		url: url, connections: o.connections,
		plan:       plan{o.requests, o.uploads},
		upload:     bytes.Repeat([]byte("u"), o.uploadSize),
		wantUpload: strconv.Itoa(o.uploadSize) + "\n",
		http: &http.Client{Transport: &http.Transport{
			MaxConnsPerHost: o.connections, MaxIdleConnsPerHost: o.connections, DisableCompression: true,
		}},
	}
}

// do sends the jobs from first to before end, and returns when all are answered. The first wrong answer ends it and
// is its error.
func (c *client) do(ctx context.Context, first, end int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	next.Store(int64(first))
	var workers sync.WaitGroup
	for range c.connections {
		workers.Go(func() {
			for ctx.Err() == nil {
				job := int(next.Add(1)) - 1
				if job >= end {
					return
				}
				if err := c.one(ctx, job); err != nil {
					cancel(fmt.Errorf("request %d: %w", job, err)) // the first cause stays
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// one sends a job and compares the answer.
func (c *client) one(ctx context.Context, job int) error {
	method, body, want := http.MethodGet, io.Reader(nil), helloBody
	if c.plan.isUpload(job) {
		method, body, want = http.MethodPost, bytes.NewReader(c.upload), c.wantUpload
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url, body)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if response.StatusCode != http.StatusOK || string(got) != want {
		return fmt.Errorf("%s answered %s, %.80q; want %q", method, response.Status, got, want)
	}
	return nil
}

// rest closes the connections, so that the server's descriptors can be counted.
func (c *client) rest() { c.http.CloseIdleConnections() }
