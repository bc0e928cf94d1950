// Command floor answers the plain cases of the comparison with net/http alone: what the fastest server built on
// net/http can reach. It knows no Python and no option.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
)

func main() {
	address := flag.String("address", "127.0.0.1:8000", "listen on `HOST:PORT`")
	name := flag.String("case", "hello", "what to answer: hello, large or echo")
	flag.Parse()
	handler, ok := handlers()[*name]
	if !ok {
		fmt.Fprintf(os.Stderr, "floor: no case %q\n", *name)
		os.Exit(2)
	}
	if err := http.ListenAndServe(*address, handler); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

// handlers are the same answers as the applications of bench/apps.
func handlers() map[string]http.Handler {
	return map[string]http.Handler{
		"hello": fixed([]byte("Hello World!\n")),
		"large": fixed(bytes.Repeat([]byte("0123456789abcdef"), 640)),
		"echo":  http.HandlerFunc(echo),
	}
}

func fixed(body []byte) http.Handler {
	length := strconv.Itoa(len(body))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", length)
		_, _ = w.Write(body) // a client that left is no concern of the floor
	})
}

// maxEcho bounds the memory a request may ask for.
const maxEcho = 1 << 20

func echo(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength < 0 || r.ContentLength > maxEcho {
		http.Error(w, "a Content-Length of up to 1 MB, please", http.StatusRequestEntityTooLarge)
		return
	}
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		http.Error(w, "the body is incomplete", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}
