package framing

import (
	"bytes"
	"strconv"
	"strings"
)

// Refusal is why a connection is given up. Its text is fixed, for the log and
// for people: nothing in it comes from the client.
type Refusal struct {
	Status int    // what the client is told
	Reason string // what was wrong, without the status
	InBody bool   // found behind a head that was let pass: who serves it answers
}

func (r *Refusal) Error() string { return "refuse request: " + r.Reason }

// The refusals. Conn.Read returns one wrapped in a *net.OpError, which net/http
// takes for a broken connection and does not answer.
var (
	errTLS          = &Refusal{400, "TLS handshake on a port that speaks plain HTTP", false}
	errEmptyLine    = &Refusal{400, "more than one empty line before the request line", false}
	errMethod       = &Refusal{400, "malformed method in the request line", false}
	errRequestLine  = &Refusal{400, "malformed request line", false}
	errTarget       = &Refusal{400, "control character in the request line", false}
	errForm         = &Refusal{400, "malformed target in the request line", false}
	errFragment     = &Refusal{400, "# in the target of the request line", false}
	errScheme       = &Refusal{400, "target with a scheme other than http and https", false}
	errAuthority    = &Refusal{400, "malformed host in the target of the request line", false}
	errVersion      = &Refusal{505, "HTTP version other than 1.0 and 1.1", false}
	errPreface      = &Refusal{400, "malformed HTTP/2 preface", false}
	errBareLF       = &Refusal{400, "line of the head ends with a bare LF", false}
	errFold         = &Refusal{400, "folded header line", false}
	errName         = &Refusal{400, "invalid character in a header name", false}
	errNameSpace    = &Refusal{400, "whitespace between header name and colon", false}
	errNoColon      = &Refusal{400, "header line without colon", false}
	errBareCR       = &Refusal{400, "bare CR in a header line", false}
	errValue        = &Refusal{400, "control character in a header value", false}
	errNoHost       = &Refusal{400, "HTTP/1.1 without Host", false}
	errHosts        = &Refusal{400, "more than one Host", false}
	errNoAuthority  = &Refusal{400, "HTTP/2 without :authority and Host", false}
	errOtherHost    = &Refusal{400, "Host that differs from :authority", false}
	errHost         = &Refusal{400, "malformed Host", false}
	errLength       = &Refusal{400, "malformed Content-Length", false}
	errLengths      = &Refusal{400, "more than one Content-Length", false}
	errBoth         = &Refusal{400, "Content-Length together with Transfer-Encoding", false}
	errCodings      = &Refusal{400, "more than one Transfer-Encoding", false}
	errCoding10     = &Refusal{400, "Transfer-Encoding in HTTP/1.0", false}
	errCoding       = &Refusal{501, "Transfer-Encoding other than chunked", false}
	errLongLine     = &Refusal{414, "request line too long", false}
	errLongHeader   = &Refusal{431, "header line too long", false}
	errManyHeaders  = &Refusal{431, "too many header lines", false}
	errLongHead     = &Refusal{431, "request head too large", false}
	errSlow         = &Refusal{408, "request head not complete in time", false}
	errChunkSize    = &Refusal{400, "malformed chunk size", true}
	errChunkLong    = &Refusal{400, "chunk extension too long", true}
	errChunkEnd     = &Refusal{400, "chunk data not followed by CRLF", true}
	errTrailer      = &Refusal{400, "malformed trailer", true}
	errTrailerLarge = &Refusal{431, "trailer too large", true}
)

// phrases are the reason phrases of the statuses above.
var phrases = map[int]string{
	400: "Bad Request",
	408: "Request Timeout",
	414: "URI Too Long",
	431: "Request Header Fields Too Large",
	501: "Not Implemented",
	505: "HTTP Version Not Supported",
}

// page is the whole response that tells the client.
func (r *Refusal) page() []byte {
	title := strconv.Itoa(r.Status) + " " + phrases[r.Status]
	body := "<!DOCTYPE html>\n<title>" + title + "</title>\n<h1>" + title + "</h1>\n"
	return []byte("HTTP/1.1 " + title + "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\nConnection: close\r\n\r\n" + body)
}

// ownRefusal follows the status line wherever net/http refuses a request by
// itself. No response of a handler looks like this: it has a Date.
const ownRefusal = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// refusedByServer recognises a response with which net/http refuses a request
// that the guard let pass: p is all of it. What the guard does not look at is
// the form of the target, so that is wrong where net/http gives no reason.
func refusedByServer(p []byte) *Refusal {
	if len(p) < 14 || p[9] < '4' || string(p[:9]) != "HTTP/1.1 " {
		return nil
	}
	end := bytes.IndexByte(p, '\r')
	if end < 13 || !bytes.HasPrefix(p[end:], []byte(ownRefusal)) {
		return nil
	}
	status, err := strconv.Atoi(string(p[9:12]))
	if err != nil {
		return nil
	}
	phrase, reason, given := strings.Cut(string(p[13:end]), ": ")
	switch {
	case given:
	case status == 400:
		reason = "malformed target in the request line"
	default:
		reason = phrase
	}
	return &Refusal{Status: status, Reason: reason}
}
