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
		name, value := textproto.CanonicalMIMEHeaderKey(fields[i].Name), printable(fields[i].Value)
		switch name {
		case "Content-Length":
			n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 63)
			if err != nil {
				clear(header)
				return 0, fmt.Errorf("write head: invalid Content-Length %q", value)
			}
			length = int64(n)
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

// printable returns value with CR, LF and NUL made spaces.
func printable(value string) string {
	for i := range len(value) {
		if unprintable(value[i]) {
			return replaceUnprintable(value)
		}
	}
	return value
}

func replaceUnprintable(value string) string {
	out := []byte(value)
	for i, c := range out {
		if unprintable(c) {
			out[i] = ' '
		}
	}
	return string(out)
}

func unprintable(c byte) bool { return c == '\r' || c == '\n' || c == 0 }

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
