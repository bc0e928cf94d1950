package framing

import "bytes"

// state says what the next byte of a connection belongs to.
type state uint8

const (
	requestLine state = iota
	headerLine
	fixedBody
	chunkLine
	chunkData
	chunkCR
	chunkLF
	trailerLine
	preface // what follows the first line of HTTP/2's
	opaque  // not HTTP/1: passes unseen
	blankCR // an empty line before a request line
	blankLF
)

// maxChunkLine bounds a chunk size with its extension and CRLF.
const maxChunkLine = 256

// prefaceRest follows "PRI * HTTP/2.0\r\n".
const prefaceRest = "\r\nSM\r\n\r\n"

// scanner follows the messages of one connection. What it finds depends on the
// bytes alone, not on the pieces they come in: lines are judged whole, and a
// line that is too long is refused at the same byte whether its end is there.
type scanner struct {
	limits  *Limits
	http2   bool
	state   state
	refusal *Refusal
	carry   []byte // the beginning of a line whose end has not been read
	first   bool   // a request line has been seen
	blank   bool   // an empty line has been dropped before this request line
	matched int    // bytes of prefaceRest

	// The head being read.
	head       int // bytes of its complete lines
	lines      int // header lines
	http10     bool
	haveHost   bool
	chunked    bool
	haveLength bool
	length     int64

	remain   int64 // bytes to come of the body or chunk
	messages int   // complete requests
}

// inBody reports that the next byte belongs to the body of a request.
func (s *scanner) inBody() bool { return s.state >= fixedBody && s.state <= trailerLine }

// inHead reports that a head has begun and not ended.
func (s *scanner) inHead() bool {
	return s.state == headerLine || s.state == preface || s.state == requestLine && len(s.carry) > 0
}

// feed follows p. It removes an empty line before a request line from p, and
// returns the length of what is left, and how much of that may pass: all of it,
// or, when it sets s.refusal, what belongs to heads and bodies that may.
func (s *scanner) feed(p []byte) (kept, pass int) {
	pos := 0
	for pos < len(p) {
		switch s.state {
		case opaque:
			return len(p), len(p)
		case blankCR, blankLF:
			p = s.dropBlank(p, pos)
		case fixedBody, chunkData:
			pos += s.skip(len(p) - pos)
		case chunkCR, chunkLF:
			s.chunkEnd(p[pos])
			pos++
		case preface:
			s.prefaceByte(p[pos])
			pos++
		default:
			pos += s.takeLine(p[pos:])
		}
		if s.refusal != nil {
			return len(p), pass
		}
		if s.state != headerLine && len(s.carry) == 0 {
			pass = pos
		}
	}
	return len(p), len(p)
}

// dropBlank removes p[pos], a byte of the one empty line that is ignored before
// a request line (RFC 9112, section 2.2): net/http ignores none.
func (s *scanner) dropBlank(p []byte, pos int) []byte {
	switch {
	case s.state == blankCR:
		s.state = blankLF
	case p[pos] == '\n':
		s.state, s.blank = requestLine, true
	default:
		s.refuse(errMethod)
		return p
	}
	return append(p[:pos], p[pos+1:]...)
}

// skip consumes up to n bytes of body or chunk.
func (s *scanner) skip(n int) int {
	if int64(n) < s.remain {
		s.remain -= int64(n)
		return n
	}
	n = int(s.remain)
	s.remain = 0
	if s.state == chunkData {
		s.state = chunkCR
	} else {
		s.endMessage()
	}
	return n
}

func (s *scanner) endMessage() {
	s.messages++
	s.state, s.blank = requestLine, false
	s.head = 0
}

func (s *scanner) refuse(r *Refusal) { s.refusal = r }

// takeLine consumes p up to the end of a line, which it judges, or all of it.
func (s *scanner) takeLine(p []byte) int {
	if s.state == requestLine && len(s.carry) == 0 && !tokenByte[p[0]] {
		if p[0] == '\r' && !s.blank {
			s.state = blankCR
		} else {
			s.refuse(firstByte(p[0]))
		}
		return 0
	}
	limit, tooLong := s.lineLimit()
	n := bytes.IndexByte(p, '\n') + 1
	if n == 0 {
		if len(s.carry)+len(p)+1 > limit {
			s.refuse(tooLong)
			return 0
		}
		s.carry = append(s.carry, p...)
		return len(p)
	}
	if len(s.carry)+n > limit {
		s.refuse(tooLong)
		return 0
	}
	line := p[:n]
	if len(s.carry) > 0 {
		line = append(s.carry, line...)
		s.carry = line[:0]
		if cap(line) > 1024 {
			s.carry = nil
		}
	}
	s.head += len(line)
	s.judge(line)
	return n
}

// lineLimit returns how long the line may be, with its end, and the refusal of
// a longer one.
func (s *scanner) lineLimit() (int, *Refusal) {
	left, line := s.limits.Head-s.head, s.limits.HeaderLine+2
	switch s.state {
	case requestLine:
		if line = s.limits.RequestLine + 2; line <= left {
			return line, errLongLine
		}
	case headerLine:
		if line <= left {
			return line, errLongHeader
		}
	case trailerLine:
		return min(line, left), errTrailerLarge
	case chunkLine:
		return maxChunkLine, errChunkLong
	}
	return left, errLongHead
}

// judge takes a complete line, ending with LF.
func (s *scanner) judge(line []byte) {
	content := line[:len(line)-1]
	if n := len(content); n > 0 && content[n-1] == '\r' {
		content = content[:n-1]
	} else {
		s.bareLF()
		return
	}
	switch s.state {
	case requestLine:
		s.judgeRequest(content)
	case headerLine:
		if len(content) == 0 {
			s.endHead()
		} else {
			s.judgeHeader(content)
		}
	case trailerLine:
		if len(content) == 0 {
			s.endMessage()
		} else {
			s.judgeTrailer(content)
		}
	case chunkLine:
		s.judgeChunk(content)
	}
}

func (s *scanner) bareLF() {
	switch s.state {
	case chunkLine:
		s.refuse(errChunkSize)
	case trailerLine:
		s.refuse(errTrailer)
	default:
		s.refuse(errBareLF)
	}
}

// prefaceByte follows the rest of HTTP/2's preface.
func (s *scanner) prefaceByte(c byte) {
	if c != prefaceRest[s.matched] {
		s.refuse(errPreface)
		return
	}
	if s.matched++; s.matched == len(prefaceRest) {
		s.state = opaque
	}
}

// firstByte names what is wrong with a request that begins with c.
func firstByte(c byte) *Refusal {
	switch c {
	case 0x16:
		return errTLS
	case '\r', '\n':
		return errEmptyLine
	}
	return errMethod
}
