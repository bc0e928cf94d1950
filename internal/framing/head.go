package framing

import (
	"bytes"
	"math"
)

// judgeRequest takes a request line: method, target and version with exactly
// one space between them.
func (s *scanner) judgeRequest(line []byte) {
	first := !s.first
	s.first = true
	sp := 0
	for sp < len(line) && tokenByte[line[sp]] {
		sp++
	}
	v := len(line) - len(" HTTP/1.1")
	switch {
	case sp == len(line) || line[sp] != ' ':
		s.refuse(errMethod)
		return
	case v <= sp+1 || line[v] != ' ' || bytes.IndexByte(line[sp+1:v], ' ') >= 0:
		s.refuse(errRequestLine)
		return
	case !clean(line):
		s.refuse(errTarget)
		return
	}
	if refusal := checkTarget(line[:sp], line[sp+1:v]); refusal != nil {
		s.refuse(refusal)
		return
	}
	s.http10, s.haveHost, s.chunked, s.haveLength, s.length, s.lines = false, false, false, false, 0, 0
	switch version := line[v+1:]; string(version) {
	case "HTTP/1.1":
		s.state = headerLine
	case "HTTP/1.0":
		s.http10 = true
		s.state = headerLine
	default:
		s.otherVersion(line, version, first)
	}
}

func (s *scanner) otherVersion(line, version []byte, first bool) {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	switch {
	case first && s.http2 && string(line) == "PRI * HTTP/2.0":
		s.state = preface
	case string(version[:5]) == "HTTP/" && digit(version[5]) && version[6] == '.' && digit(version[7]):
		s.refuse(errVersion)
	default:
		s.refuse(errRequestLine)
	}
}

// judgeHeader takes a header line of the head.
func (s *scanner) judgeHeader(line []byte) {
	if s.lines++; s.lines > s.limits.Headers {
		s.refuse(errManyHeaders)
		return
	}
	colon, refusal := checkField(line)
	if refusal != nil {
		s.refuse(refusal)
		return
	}
	switch name := line[:colon]; {
	case colon == len("host") && equalFold(name, "host"):
		s.host(trim(line[colon+1:]))
	case colon == len("content-length") && equalFold(name, "content-length"):
		s.contentLength(trim(line[colon+1:]))
	case colon == len("transfer-encoding") && equalFold(name, "transfer-encoding"):
		s.transferEncoding(trim(line[colon+1:]))
	}
}

// checkField returns where the colon of a header line is, or what is wrong.
func checkField(line []byte) (colon int, refusal *Refusal) {
	if line[0] == ' ' || line[0] == '\t' {
		return 0, errFold
	}
	for colon < len(line) && tokenByte[line[colon]] {
		colon++
	}
	switch {
	case colon == len(line):
		return 0, errNoColon
	case line[colon] == ' ' || line[colon] == '\t':
		return 0, errNameSpace
	case line[colon] != ':' || colon == 0:
		return 0, errName
	}
	value := line[colon+1:]
	switch {
	case clean(value) || cleanButTabs(value):
		return colon, nil
	case bytes.IndexByte(value, '\r') >= 0:
		return 0, errBareCR
	}
	return 0, errValue
}

// host takes the value of a Host line. An empty one names no http URI, and is
// refused: RFC 9112, section 3.3, allows it, and Apache does so.
func (s *scanner) host(value []byte) {
	if s.haveHost {
		s.refuse(errHosts)
		return
	}
	s.haveHost = true
	if !validHost(value) {
		s.refuse(errHost)
	}
}

func (s *scanner) contentLength(value []byte) {
	if s.haveLength {
		s.refuse(errLengths)
		return
	}
	n, ok := parseLength(value)
	if !ok {
		s.refuse(errLength)
		return
	}
	s.haveLength, s.length = true, n
}

// parseLength reads 1*DIGIT that fits an int64.
func parseLength(digits []byte) (n int64, ok bool) {
	if len(digits) == 0 {
		return 0, false
	}
	for _, c := range digits {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

func (s *scanner) transferEncoding(value []byte) {
	switch {
	case s.chunked:
		s.refuse(errCodings)
	case s.http10:
		s.refuse(errCoding10)
	case !equalFold(value, "chunked"):
		s.refuse(errCoding)
	}
	s.chunked = true
}

// endHead asks for a Host and decides how the body is delimited.
func (s *scanner) endHead() {
	switch {
	case !s.haveHost && !s.http10:
		s.refuse(errNoHost)
	case s.chunked && s.haveLength:
		s.refuse(errBoth)
	case s.chunked:
		s.state = chunkLine
	case s.length > 0:
		s.state, s.remain = fixedBody, s.length
	default:
		s.endMessage()
	}
}
