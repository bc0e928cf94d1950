// Package framing is a guard on a connection below net/http: it follows the
// bytes of HTTP/1 messages, refuses what two parsers could read in two ways,
// and holds the limits of sizes and of waiting. It knows where a message ends,
// and nothing of requests, handlers or net/http.
package framing
