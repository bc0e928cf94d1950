package control

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Limits of a message; Send refuses what is beyond them, and so does Receive.
const (
	MaxPayload = 64 << 10 // bytes of JSON
	MaxFiles   = 64
	maxKind    = 32
)

const (
	noteMagic = "NOTE"
	fileMagic = "FILE"
	fileSize  = 16
	// maxMessage is the size of the longest note.
	maxMessage = len(noteMagic) + 1 + maxKind + MaxPayload
)

// SlotFile is the kind of a message in which C code of a daemon hands over the
// file that is the response of a slot. Send cannot send it.
const SlotFile = "FILE"

// ErrMalformed says that a message is not as the package comment says.
var ErrMalformed = errors.New("malformed control message")

// ErrNoDescriptor says that a message has come without its files, because this
// process, or the system, may have no more open.
var ErrNoDescriptor = errors.New("no descriptor is left for the files of a control message")

// Message is what Receive returns.
type Message struct {
	// Kind is what Send was given, or SlotFile.
	Kind string
	// Payload is valid JSON, or empty when Send was given nil.
	Payload json.RawMessage
	// Files belong to the receiver, who closes them; they are close-on-exec.
	// A SlotFile has one.
	Files []*os.File
	// Slot and State are those of a SlotFile: the slot's index, and its state
	// word at the time. Nothing says that the slot exists.
	Slot, State uint32
}

// Decode reads the payload into v, as json.Unmarshal does. The error names the
// kind.
func (m *Message) Decode(v any) error {
	if err := json.Unmarshal(m.Payload, v); err != nil {
		return fmt.Errorf("decode control message %q: %w", m.Kind, err)
	}
	return nil
}

// Close closes the files; for messages whose files are not wanted.
func (m *Message) Close() error {
	errs := make([]error, len(m.Files))
	for i, f := range m.Files {
		errs[i] = f.Close()
	}
	m.Files = nil
	return errors.Join(errs...)
}

// encode returns the bytes of a note.
func encode(kind string, payload any) ([]byte, error) {
	if !validKind(kind) {
		return nil, fmt.Errorf("%w: %q is no kind", ErrMalformed, kind)
	}
	b := make([]byte, 0, 256)
	b = append(b, noteMagic...)
	b = append(b, byte(len(kind)))
	b = append(b, kind...)
	if payload == nil {
		return b, nil
	}
	text, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	if len(text) > MaxPayload {
		return nil, fmt.Errorf("%w: payload of %d bytes, more than %d", ErrMalformed, len(text), MaxPayload)
	}
	return append(b, text...), nil
}

// decode reads a message of data that came with files descriptors. The result
// shares no memory with data.
func decode(data []byte, files int) (Message, error) {
	if len(data) < len(noteMagic) {
		return Message{}, fmt.Errorf("%w: %d bytes", ErrMalformed, len(data))
	}
	switch magic := string(data[:len(noteMagic)]); magic {
	case noteMagic:
		return decodeNote(data[len(noteMagic):])
	case fileMagic:
		return decodeFile(data, files)
	default:
		return Message{}, fmt.Errorf("%w: it begins with %q", ErrMalformed, magic)
	}
}

func decodeNote(data []byte) (Message, error) {
	if len(data) < 1 || len(data)-1 < int(data[0]) {
		return Message{}, fmt.Errorf("%w: it ends within the kind", ErrMalformed)
	}
	length := 1 + int(data[0])
	kind, payload := string(data[1:length]), data[length:]
	switch {
	case !validKind(kind):
		return Message{}, fmt.Errorf("%w: %q is no kind", ErrMalformed, kind)
	case len(payload) > MaxPayload:
		return Message{}, fmt.Errorf("%w: %q has a payload of %d bytes, more than %d", ErrMalformed, kind, len(payload), MaxPayload)
	case len(payload) > 0 && !json.Valid(payload):
		return Message{}, fmt.Errorf("%w: the payload of %q is not JSON", ErrMalformed, kind)
	}
	return Message{Kind: kind, Payload: append(json.RawMessage(nil), payload...)}, nil
}

func decodeFile(data []byte, files int) (Message, error) {
	if len(data) != fileSize {
		return Message{}, fmt.Errorf("%w: a slot file of %d bytes, not %d", ErrMalformed, len(data), fileSize)
	}
	if files != 1 {
		return Message{}, fmt.Errorf("%w: a slot file with %d descriptors, not 1", ErrMalformed, files)
	}
	if zero := binary.LittleEndian.Uint32(data[12:]); zero != 0 {
		return Message{}, fmt.Errorf("%w: the last word of a slot file is %#x, not 0", ErrMalformed, zero)
	}
	return Message{
		Kind:  SlotFile,
		Slot:  binary.LittleEndian.Uint32(data[4:]),
		State: binary.LittleEndian.Uint32(data[8:]),
	}, nil
}

// validKind reports whether kind is made of lower case letters, digits and -,
// so that it can never be SlotFile.
func validKind(kind string) bool {
	for i := range len(kind) {
		c := kind[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return kind != "" && len(kind) <= maxKind
}
