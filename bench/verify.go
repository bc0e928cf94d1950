package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// verify asks once and compares the answer, so that no error page is measured.
func verify(ctx context.Context, url string, c testCase) error {
	method, body := http.MethodGet, io.Reader(nil)
	if c.post != "" {
		method, body = http.MethodPost, strings.NewReader(c.post)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return fmt.Errorf("check answer: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("check answer: %w", err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("check answer: %w", err)
	}
	length := response.Header.Get("Content-Length")
	switch {
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("check answer: status %s: %s", response.Status, shorten(string(got)))
	case string(got) != c.want:
		return fmt.Errorf("check answer: %d bytes %s, want %d bytes %s", len(got), shorten(string(got)), len(c.want), shorten(c.want))
	case length != strconv.Itoa(len(c.want)):
		return fmt.Errorf("check answer: Content-Length %q, want %d", length, len(c.want))
	}
	return nil
}

// shorten quotes the beginning of text.
func shorten(text string) string {
	const keep = 200
	if len(text) > keep {
		return strconv.Quote(text[:keep]) + "..."
	}
	return strconv.Quote(text)
}
