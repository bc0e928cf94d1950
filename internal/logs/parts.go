package logs

import (
	"os"
	"slices"
	"strconv"
	"time"
)

const knownLetters = "%a %b %B %D %h %H %{Name}i %l %L %m %p %P %q %r %s %t %T %u %U %v %V %%"

// plainParts holds the directives that take no argument.
var plainParts = map[byte]part{
	'%': literal("%"),
	'a': field(func(e *AccessEntry) string { return e.RemoteAddr }),
	'h': field(func(e *AccessEntry) string { return e.RemoteAddr }),
	'l': literal("-"), // identd is not asked
	'u': field(func(e *AccessEntry) string { return e.User }),
	'r': field(func(e *AccessEntry) string { return e.RequestLine }),
	'm': field(func(e *AccessEntry) string { return e.Method }),
	'U': field(func(e *AccessEntry) string { return e.Path }),
	'H': field(func(e *AccessEntry) string { return e.Proto }),
	'v': field(func(e *AccessEntry) string { return e.ServerName }),
	'V': field(func(e *AccessEntry) string { return e.ServerName }),
	'p': field(func(e *AccessEntry) string { return e.ServerPort }),
	'L': field(func(e *AccessEntry) string { return e.RequestID }),
	'q': appendQuery,
	't': appendTime,
	's': number(func(e *AccessEntry) int64 { return int64(e.Status) }),
	'B': number(func(e *AccessEntry) int64 { return e.BytesSent }),
	'b': appendBytesOrDash,
	'D': number(func(e *AccessEntry) int64 { return e.Duration.Microseconds() }),
	'T': number(func(e *AccessEntry) int64 { return int64(e.Duration / time.Second) }),
	'P': number(func(*AccessEntry) int64 { return int64(os.Getpid()) }),
}

// argumentParts holds the directives with an argument of a fixed set; %{Name}i
// takes any.
var argumentParts = map[byte]map[string]part{
	't': {
		"sec":  number(func(e *AccessEntry) int64 { return e.Time.Unix() }),
		"msec": number(func(e *AccessEntry) int64 { return e.Time.UnixMilli() }),
		"usec": number(func(e *AccessEntry) int64 { return e.Time.UnixMicro() }),
	},
	'T': {
		"s":  number(func(e *AccessEntry) int64 { return int64(e.Duration / time.Second) }),
		"ms": number(func(e *AccessEntry) int64 { return e.Duration.Milliseconds() }),
		"us": number(func(e *AccessEntry) int64 { return e.Duration.Microseconds() }),
	},
	'p': {
		"canonical": field(func(e *AccessEntry) string { return e.ServerPort }),
		"remote":    field(func(e *AccessEntry) string { return e.RemotePort }),
	},
	'a': {"c": field(func(e *AccessEntry) string { return e.RemoteAddr })},
	'P': {"pid": number(func(*AccessEntry) int64 { return int64(os.Getpid()) })},
}

// field makes the part that shows a text, escaped, or "-" if there is none.
func field(get func(*AccessEntry) string) part {
	return func(dst []byte, e *AccessEntry, _ *clock) []byte { return appendOrDash(dst, get(e)) }
}

func headerPart(name string) part {
	return func(dst []byte, e *AccessEntry, _ *clock) []byte { return appendOrDash(dst, e.header(name)) }
}

func number(get func(*AccessEntry) int64) part {
	return func(dst []byte, e *AccessEntry, _ *clock) []byte { return strconv.AppendInt(dst, get(e), 10) }
}

// conditional makes a part that shows "-" unless the status is, or with
// negated is not, one of the list.
func conditional(made part, negated bool, statuses []int) part {
	return func(dst []byte, e *AccessEntry, c *clock) []byte {
		if slices.Contains(statuses, e.Status) == negated {
			return append(dst, '-')
		}
		return made(dst, e, c)
	}
}

func appendOrDash(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, '-')
	}
	return appendField(dst, s)
}

func appendBytesOrDash(dst []byte, e *AccessEntry, _ *clock) []byte {
	if e.BytesSent == 0 {
		return append(dst, '-')
	}
	return strconv.AppendInt(dst, e.BytesSent, 10)
}

func appendQuery(dst []byte, e *AccessEntry, _ *clock) []byte {
	if e.Query == "" {
		return dst
	}
	return appendField(append(dst, '?'), e.Query)
}

func appendTime(dst []byte, e *AccessEntry, c *clock) []byte {
	return c.append(dst, e.Time, "[02/Jan/2006:15:04:05 -0700]")
}
