// Package pyhome knows Python installations on disk: where they are, what they
// are made of, whether they can be embedded. It runs their interpreters to ask
// them, but loads none: it has no cgo and knows no WSGI.
package pyhome
