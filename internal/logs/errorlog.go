package logs

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// maxMessage bounds the message of one record; what exceeds it is cut and the
// line says so.
const maxMessage = 64 << 10

// ErrorLog is a Logger that writes lines in Apache's layout:
//
//	[Sat Nov 21 03:22:01.123456 2026] [wsgi:error] [pid 1:tid 2] [client 127.0.0.1:5555] [id X] [script /path] message
//
// Further lines of a message follow below, each with a mark, and with the request
// id, so that a search for that finds all of them:
//
//	| [id X] text
//
// A record is written with one Write, so that lines of different records do
// not mix. Log blocks as long as the writer does. It never fails: records that
// cannot be written, because the disk is full, are counted, and the next line that
// can be says how many; ComplainTo has that said elsewhere, too, when it begins.
type ErrorLog struct {
	level     atomic.Uint32
	sink      sink
	complaint io.Writer // nil for none
	pid       []byte
	now       func() time.Time
}

var _ Logger = (*ErrorLog)(nil)

// NewErrorLog returns a log of the records up to level, written to w. The
// caller keeps w and closes it after the last record.
func NewErrorLog(w io.Writer, level Level) *ErrorLog {
	l := &ErrorLog{pid: strconv.AppendInt(nil, int64(os.Getpid()), 10), now: time.Now}
	l.sink.w = w
	l.SetLevel(level)
	return l
}

// ComplainTo has the first of each row of lost records complained of in one line
// on w, such as standard error. It is called before the first record.
func (l *ErrorLog) ComplainTo(w io.Writer) { l.complaint = w }

// SetLevel changes what is written from now on.
func (l *ErrorLog) SetLevel(level Level) { l.level.Store(uint32(level)) }

// Enabled reports whether a record of this level would be written.
func (l *ErrorLog) Enabled(level Level) bool { return uint32(level) <= l.level.Load() }

// Dropped returns how many records were lost since the last one written.
func (l *ErrorLog) Dropped() uint64 {
	l.sink.mu.Lock()
	defer l.sink.mu.Unlock()
	return l.sink.dropped
}

// Log writes one record if its level is enabled.
func (l *ErrorLog) Log(r Record) {
	if !l.Enabled(r.Level) {
		return
	}
	if r.Thread == 0 {
		r.Thread = threadID()
	}
	cut := 0
	if len(r.Message) > maxMessage {
		cut = len(r.Message) - maxMessage
		r.Message = r.Message[:maxMessage]
	}
	l.sink.mu.Lock()
	defer l.sink.mu.Unlock()
	now := l.now()
	buf := l.sink.beginLocked()
	if l.sink.dropped > 0 {
		buf = l.appendDroppedLocked(buf, now, r.Thread)
	}
	buf = l.appendRecordLocked(buf, now, &r)
	if cut > 0 {
		buf = append(buf[:len(buf)-1], " ... ("...)
		buf = strconv.AppendInt(buf, int64(cut), 10)
		buf = append(buf, " bytes more)\n"...)
	}
	// A failure is counted there, and said by the next line.
	if _, err := l.sink.endLocked(buf); err != nil && l.sink.dropped == 1 && l.complaint != nil {
		fmt.Fprintf(l.complaint, "gophersnake: write error log: %v; records are lost until it can be written again\n", err)
	}
}

// appendDroppedLocked appends the line that owns up to lost records.
func (l *ErrorLog) appendDroppedLocked(dst []byte, now time.Time, thread int) []byte {
	text := strconv.FormatUint(l.sink.dropped, 10) + " records could not be written here and are lost: " + l.sink.cause.Error()
	return l.appendRecordLocked(dst, now, &Record{Level: Warn, Module: "core", Thread: thread, Message: text})
}

// continuation begins each line of a record but the first. No first line begins
// with it.
const continuation = "| "

// appendRecordLocked appends the lines of one record.
func (l *ErrorLog) appendRecordLocked(dst []byte, now time.Time, r *Record) []byte {
	dst = l.appendPrefixLocked(dst, now, r)
	rest := strings.TrimRight(r.Message, "\r\n")
	for more := true; more; {
		var line string
		line, rest, more = strings.Cut(rest, "\n")
		dst = appendMessage(dst, strings.TrimSuffix(line, "\r"))
		dst = append(dst, '\n')
		if more {
			dst = append(dst, continuation...)
			dst = appendItem(dst, "[id ", r.RequestID)
		}
	}
	return dst
}

// appendPrefixLocked appends what stands before the message, with a blank.
func (l *ErrorLog) appendPrefixLocked(dst []byte, now time.Time, r *Record) []byte {
	dst = append(dst, '[')
	dst = l.sink.clock.append(dst, now, "Mon Jan 02 15:04:05.000000 2006")
	setMicroseconds(dst[len(dst)-len("000000 2006"):], now.Nanosecond()/1000)
	dst = append(dst, "] ["...)
	if r.Module == "" {
		dst = append(dst, "core"...)
	} else {
		dst = appendMessage(dst, r.Module)
	}
	dst = append(dst, ':')
	dst = append(dst, r.Level.String()...)
	dst = append(dst, "] [pid "...)
	dst = append(dst, l.pid...)
	dst = append(dst, ":tid "...)
	dst = strconv.AppendInt(dst, int64(r.Thread), 10)
	dst = append(dst, "] "...)
	dst = appendItem(dst, "[client ", r.Client)
	dst = appendItem(dst, "[id ", r.RequestID)
	return appendItem(dst, "[script ", r.Script)
}

// appendItem appends a bracketed item, or nothing if it has no value.
func appendItem(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, name...)
	dst = appendMessage(dst, value)
	return append(dst, "] "...)
}

// setMicroseconds overwrites the first six bytes with a number of six digits.
func setMicroseconds(dst []byte, n int) {
	for i := 5; i >= 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
}

// Discard is a Logger that writes nothing.
type Discard struct{}

var _ Logger = Discard{}

// Log does nothing.
func (Discard) Log(Record) {}

// Enabled reports false.
func (Discard) Enabled(Level) bool { return false }
