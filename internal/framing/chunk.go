package framing

// judgeChunk takes the line before a chunk: 1 to 15 hexadecimal digits, and
// perhaps an extension directly behind them.
func (s *scanner) judgeChunk(line []byte) {
	n, digits := int64(0), 0
	for digits < len(line) {
		d, ok := hex(line[digits])
		if !ok {
			break
		}
		n, digits = n<<4|int64(d), digits+1
	}
	rest := line[digits:]
	if digits == 0 || digits > 15 || len(rest) > 0 && (rest[0] != ';' || !cleanButTabs(rest)) {
		s.refuse(errChunkSize)
		return
	}
	if n == 0 {
		s.state, s.head, s.lines = trailerLine, 0, 0
		return
	}
	s.state, s.remain = chunkData, n
}

func hex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// chunkEnd takes one byte of the CRLF behind the data of a chunk.
func (s *scanner) chunkEnd(c byte) {
	switch {
	case s.state == chunkCR && c == '\r':
		s.state = chunkLF
	case s.state == chunkLF && c == '\n':
		s.state = chunkLine
	default:
		s.refuse(errChunkEnd)
	}
}

// judgeTrailer takes a header line behind the last chunk. It means nothing for
// the framing, whatever its name.
func (s *scanner) judgeTrailer(line []byte) {
	if s.lines++; s.lines > s.limits.Headers {
		s.refuse(errTrailerLarge)
		return
	}
	if _, refusal := checkField(line); refusal != nil {
		s.refuse(errTrailer)
	}
}
