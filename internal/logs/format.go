package logs

import (
	"fmt"
	"net/http"
	"strings"
)

// The texts of Apache's usual formats; ParseFormat knows them by name too.
const (
	Common   = `%h %l %u %t "%r" %>s %b`
	Combined = Common + ` "%{Referer}i" "%{User-Agent}i"`
)

// Format is a parsed LogFormat. It is immutable and safe for concurrent use.
type Format struct {
	text  string
	parts []part
}

// part appends one piece of a line.
type part func(dst []byte, e *AccessEntry, c *clock) []byte

// FormatError is a mistake in the text of a format.
type FormatError struct {
	Text   string // the whole format
	Offset int    // of the directive at fault, in bytes
	Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("log format %q: character %d: %s", e.Text, e.Offset+1, e.Reason)
}

// ParseFormat reads "common", "combined" or the text of a LogFormat of Apache.
// An error is a *FormatError.
func ParseFormat(text string) (*Format, error) {
	f := &Format{text: text}
	p := formatParser{text: text}
	switch text {
	case "common":
		p.text = Common
	case "combined":
		p.text = Combined
	}
	for p.pos < len(p.text) {
		next, err := p.next()
		if err != nil {
			return nil, err
		}
		f.parts = append(f.parts, next)
	}
	return f, nil
}

// String returns the text the format was parsed from.
func (f *Format) String() string { return f.text }

// append appends the line of an entry, without the newline.
func (f *Format) append(dst []byte, e *AccessEntry, c *clock) []byte {
	for _, p := range f.parts {
		dst = p(dst, e, c)
	}
	return dst
}

// formatParser cuts the text of a format into parts.
type formatParser struct {
	text string
	pos  int
}

// next reads literal text up to the next directive, or one directive.
func (p *formatParser) next() (part, error) {
	if p.text[p.pos] == '%' {
		return p.directive()
	}
	rest := p.text[p.pos:]
	end := strings.IndexByte(rest, '%')
	if end < 0 {
		end = len(rest)
	}
	p.pos += end
	return literal(unescapeLiteral(rest[:end])), nil
}

// unescapeLiteral undoes the escapes \n \t \r \" and \\ that a LogFormat may
// hold; a backslash before anything else stands for itself.
var unescapeLiteral = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n", `\t`, "\t", `\r`, "\r").Replace

func literal(text string) part {
	return func(dst []byte, _ *AccessEntry, _ *clock) []byte { return append(dst, text...) }
}

// directive reads one directive: "%", an optional condition of statuses, "<"
// or ">", an optional argument in braces, and its letter.
func (p *formatParser) directive() (part, error) {
	start := p.pos
	fail := func(reason string, args ...any) (part, error) {
		return nil, &FormatError{Text: p.text, Offset: start, Reason: fmt.Sprintf(reason, args...)}
	}
	p.pos++
	negated, statuses, err := p.condition()
	if err != nil {
		return fail("%v", err)
	}
	for p.pos < len(p.text) && (p.text[p.pos] == '<' || p.text[p.pos] == '>') {
		p.pos++ // there are no internal redirects whose first and last request differ
	}
	argument, hasArgument := "", false
	if p.pos < len(p.text) && p.text[p.pos] == '{' {
		end := strings.IndexByte(p.text[p.pos:], '}')
		if end < 0 {
			return fail("%q has no closing brace", p.text[start:])
		}
		argument, hasArgument = p.text[p.pos+1:p.pos+end], true
		p.pos += end + 1
	}
	if p.pos == len(p.text) {
		return fail("%q is not complete; a percent sign is written %%%%", p.text[start:])
	}
	letter := p.text[p.pos]
	p.pos++
	made, reason := makePart(letter, argument, hasArgument)
	if reason != "" {
		return fail("%q: %s", p.text[start:p.pos], reason)
	}
	if len(statuses) > 0 {
		made = conditional(made, negated, statuses)
	}
	return made, nil
}

// makePart finds the directive in the tables.
func makePart(letter byte, argument string, hasArgument bool) (made part, reason string) {
	switch {
	case !hasArgument && plainParts[letter] != nil:
		return plainParts[letter], ""
	case hasArgument && letter == 'i' && argument != "":
		return headerPart(http.CanonicalHeaderKey(argument)), ""
	case hasArgument && argumentParts[letter] != nil:
		if made := argumentParts[letter][argument]; made != nil {
			return made, ""
		}
		return nil, fmt.Sprintf("unknown argument %q", argument)
	case letter == 'i':
		return nil, "needs the name of a request header, as in %{Referer}i"
	case hasArgument && plainParts[letter] != nil:
		return nil, "takes no argument in braces"
	}
	return nil, "unknown directive; known are " + knownLetters
}

// condition reads a list of statuses such as 404,500 or !200,304.
func (p *formatParser) condition() (negated bool, statuses []int, err error) {
	if p.pos < len(p.text) && p.text[p.pos] == '!' {
		negated = true
		p.pos++
	}
	for {
		status, digits := 0, 0
		for p.pos < len(p.text) && p.text[p.pos] >= '0' && p.text[p.pos] <= '9' && digits < 4 {
			status = status*10 + int(p.text[p.pos]-'0')
			digits++
			p.pos++
		}
		if digits == 0 && len(statuses) == 0 && !negated {
			return false, nil, nil
		}
		if digits != 3 {
			return false, nil, fmt.Errorf("a status has three digits, as in %%!200,304{Referer}i")
		}
		statuses = append(statuses, status)
		if p.pos == len(p.text) || p.text[p.pos] != ',' {
			return negated, statuses, nil
		}
		p.pos++
	}
}
