package logs

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendMessage(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		"plain text":             "plain text",
		"a\tb\vc\bd\re":          `a\tb\vc\bd\re`,
		"nul\x00 bell\a del\x7f": `nul\x00 bell\x07 del\x7f`,
		`back\slash "quoted"`:    `back\\slash "quoted"`,
		"Grüße 日本 🐍":             "Grüße 日本 🐍",
		"latin-1 \xfc":           `latin-1 \xfc`,
		"c1 \u0085.":             `c1 \xc2\x85.`,
		"line\u2028separator":    `line\xe2\x80\xa8separator`,
		"bidi \u202e":            `bidi \xe2\x80\xae`,
		"cut \xe6\x97":           `cut \xe6\x97`,
		"replacement \ufffd":     "replacement \ufffd",
	} {
		if got := string(appendMessage(nil, in)); got != want {
			t.Errorf("appendMessage(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestAppendField(t *testing.T) {
	for in, want := range map[string]string{
		"":                 "",
		`GET /"x" \ HTTP`:  `GET /\"x\" \\ HTTP`,
		"a\nb":             `a\nb`,
		"ü":                `\xc3\xbc`,
		"\x00\x1f\x7f\xff": `\x00\x1f\x7f\xff`,
	} {
		if got := string(appendField(nil, in)); got != want {
			t.Errorf("appendField(%q) = %s, want %s", in, got, want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "plain", "a\nb\r\tc", "\\\"", "ü\xff\u2028\u202e\x00", "日本\x1b[2J"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		message := string(appendMessage(nil, in))
		if !utf8.ValidString(message) {
			t.Errorf("message of %q is not UTF-8: %q", in, message)
		}
		for _, r := range message {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
				t.Errorf("message of %q holds %U", in, r)
			}
		}
		field := string(appendField(nil, in))
		for i := range len(field) {
			if field[i] < ' ' || field[i] >= 0x7f {
				t.Errorf("field of %q holds byte %#x", in, field[i])
			}
		}
		if unquoted := strings.NewReplacer(`\\`, "", `\"`, "").Replace(field); strings.Contains(unquoted, `"`) {
			t.Errorf("field of %q could end its quotes: %s", in, field)
		}
		if len(message) > 4*len(in) || len(field) > 4*len(in) {
			t.Errorf("%d bytes became %d and %d", len(in), len(message), len(field))
		}
	})
}
