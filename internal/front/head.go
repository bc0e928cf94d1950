package front

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/gophersnake/gophersnake/internal/gateway"
	"github.com/gophersnake/gophersnake/internal/logs"
)

// fields sets the headers of the response to those of the application, and
// returns the Content-Length they declare, -1 if none.
func (x *exchange) fields(fields []gateway.Field) (length int64, err error) {
	header := x.w.Header()
	length = -1
	for i := range fields {
		name, value := textproto.CanonicalMIMEHeaderKey(fields[i].Name), fields[i].Value
		if control(value) || control(name) {
			clear(header)
			return 0, fmt.Errorf("write head: control character in the response header %.100q, or in its value", name)
		}
		switch name {
		case "Content-Length":
			if length, err = sameLength(length, value); err != nil {
				clear(header)
				return 0, err
			}
		case "Connection":
			if !strings.EqualFold(strings.TrimSpace(value), "close") {
				x.warnHop(name)
				continue
			}
			x.close()
		case "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
			x.warnHop(name)
		case "Last-Modified":
			x.merge(name, notLater(value, time.Now()))
		case "Set-Cookie", "Www-Authenticate", "Link":
			header[name] = x.add(header[name], value)
		default:
			x.merge(name, value)
		}
	}
	return length, nil
}

// sameLength returns the number that value is; before is that of an earlier
// Content-Length, -1 if there was none. Of two that differ, a client may believe
// either (RFC 9110, section 8.6).
func sameLength(before int64, value string) (int64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 63)
	switch {
	case err != nil:
		return 0, fmt.Errorf("write head: invalid Content-Length %.100q", value)
	case before >= 0 && before != int64(n):
		return 0, fmt.Errorf("write head: two different Content-Lengths, %d and %d", before, n)
	}
	return int64(n), nil
}

// notLater returns the time that value names, or now if that is earlier (RFC
// 9110, section 8.8.2.1). What is no time stays as it is.
func notLater(value string, now time.Time) string {
	if t, err := http.ParseTime(value); err != nil || !t.After(now) {
		return value
	}
	return now.UTC().Format(http.TimeFormat)
}

// add appends a value to those of a header that may be repeated.
func (x *exchange) add(values []string, value string) []string {
	if values == nil {
		return x.value(value)
	}
	return append(values, value)
}

// merge sets a header, or adds to the one line that there is.
func (x *exchange) merge(name, value string) {
	header := x.w.Header()
	if before, repeated := header[name]; repeated {
		before[0] += ", " + value
		return
	}
	if !token(name) {
		x.log(logs.Warn, "response header with the invalid name "+quote(name)+" dropped")
		return
	}
	header[name] = x.value(value)
}

// warnHop tells once in the life of the process of a header that belongs to the
// connection, and so to the server.
func (x *exchange) warnHop(name string) {
	if x.s.warnedHop.CompareAndSwap(false, true) {
		x.log(logs.Warn, "the application set the header "+name+
			", which is the server's affair: dropped, as are others of that kind, from now on without a word")
	}
}

// close makes this the last response of an HTTP/1 connection. The other streams
// of an HTTP/2 connection are not to suffer.
func (x *exchange) close() *exchange {
	if x.r.ProtoMajor == 1 {
		x.closing = true
		x.w.Header()["Connection"] = x.value("close")
	}
	return x
}

// control reports a character that no header may hold (RFC 9110, section 5.5).
func control(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// token reports a name that HTTP allows.
func token(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return name != ""
}
