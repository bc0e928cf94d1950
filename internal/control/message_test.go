package control

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
)

func slotFile(words ...uint32) []byte {
	b := []byte(fileMagic)
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func note(kind, payload string) []byte {
	return append(append([]byte(noteMagic), byte(len(kind))), kind+payload...)
}

func TestMagicOfSlotFile(t *testing.T) {
	if got := binary.LittleEndian.Uint32([]byte(fileMagic)); got != 0x454c4946 {
		t.Errorf("magic is %#x", got)
	}
}

func TestDecodeRefuses(t *testing.T) {
	long := `"` + strings.Repeat("x", MaxPayload-1) + `"`
	for name, c := range map[string]struct {
		data  []byte
		files int
		want  string
	}{
		"nothing":             {nil, 0, "0 bytes"},
		"short":               {[]byte("NOT"), 0, "3 bytes"},
		"unknown":             {[]byte("JUNKjunk"), 0, `begins with "JUNK"`},
		"no kind":             {[]byte("NOTE"), 0, "ends within the kind"},
		"cut kind":            {[]byte("NOTE\x05abcd"), 0, "ends within the kind"},
		"empty kind":          {note("", ""), 0, `"" is no kind`},
		"kind of letters":     {note("Ready", ""), 0, `"Ready" is no kind`},
		"kind of a slot file": {note(SlotFile, ""), 0, `"FILE" is no kind`},
		"long kind":           {note(strings.Repeat("a", maxKind+1), ""), 0, "is no kind"},
		"not JSON":            {note("ready", "{"), 0, `the payload of "ready" is not JSON`},
		"long payload":        {note("ready", long), 0, "65537 bytes"},
		"file without":        {slotFile(1, 2, 0), 0, "0 descriptors"},
		"file with two":       {slotFile(1, 2, 0), 2, "2 descriptors"},
		"short file":          {slotFile(1, 2), 1, "12 bytes"},
		"long file":           {slotFile(1, 2, 0, 0), 1, "20 bytes"},
		"file not zero":       {slotFile(1, 2, 3), 1, "0x3"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decode(c.data, c.files)
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one that wraps ErrMalformed and says %q", err, c.want)
			}
		})
	}
}

func TestLimitsAtTheirEdge(t *testing.T) {
	kind := strings.Repeat("k", maxKind)
	data, err := encode(kind, strings.Repeat("x", MaxPayload-2)) // and the quotes
	if err != nil || len(data) != maxMessage {
		t.Fatalf("encode: %d bytes, %v", len(data), err)
	}
	m, err := decode(data, 0)
	if err != nil || m.Kind != kind || len(m.Payload) != MaxPayload {
		t.Errorf("decode: kind %q, %d bytes, %v", m.Kind, len(m.Payload), err)
	}
	if _, err := encode("k", strings.Repeat("x", MaxPayload-1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("encode of one byte more: %v", err)
	}
	if _, err := encode(kind+"k", nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("encode of a longer kind: %v", err)
	}
	if _, err := encode("k", math.NaN()); err == nil {
		t.Error("encode of what is not JSON: no error")
	}
}

func TestDecodeSharesNothing(t *testing.T) {
	data := note("ready", `{"a":1}`)
	m, err := decode(data, 0)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	var v struct{ A int }
	if err := m.Decode(&v); err != nil || m.Kind != "ready" || v.A != 1 {
		t.Errorf("got %q, %+v, %v", m.Kind, v, err)
	}
	if err := m.Decode(&[]int{}); err == nil || !strings.Contains(err.Error(), `"ready"`) {
		t.Errorf("error of a payload of another type is %v", err)
	}
}

// FuzzDecode: whatever is decoded is within the limits, and a note is encoded
// to what it came from.
func FuzzDecode(f *testing.F) {
	f.Add(note("ready", `{"a":[1,2]}`), 0)
	f.Add(note("a-1", ""), 3)
	f.Add(slotFile(7, 0x1a, 0), 1)
	f.Add([]byte("NOTE\xff"), 0)
	f.Fuzz(func(t *testing.T, data []byte, files int) {
		before := bytes.Clone(data)
		m, err := decode(data, files)
		if !bytes.Equal(data, before) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("error %v does not wrap ErrMalformed", err)
			}
			return
		}
		if m.Kind == SlotFile {
			if files != 1 || !bytes.Equal(data, slotFile(m.Slot, m.State, 0)) {
				t.Fatalf("%q with %d files was taken for a slot file", data, files)
			}
			return
		}
		if !validKind(m.Kind) || len(m.Payload) > MaxPayload || !bytes.Equal(data, note(m.Kind, string(m.Payload))) {
			t.Fatalf("%q became %+v", data, m)
		}
	})
}
