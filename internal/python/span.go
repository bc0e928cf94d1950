package python

/*
#include "span.h"
*/
import "C"

import (
	"errors"

	"github.com/gophersnake/gophersnake/internal/flat"
)

// errSpan is what decodeEntry returns for bytes that are no entry.
var errSpan = errors.New("malformed entry")

// decodeEntry is flat.Next as the C side does it, so that tests can compare the
// two. It decodes the entry at an offset of b and returns the offset behind it.
func decodeEntry(b []byte, at int) (e flat.Entry, end int, err error) {
	var s C.struct_gs_span
	next := C.size_t(at)
	if C.gs_flat_span(bytesOf(b), C.size_t(len(b)), C.size_t(len(flat.Keys)), &next, &s) != 1 {
		return e, at, errSpan
	}
	e.Transient = s.transient != 0
	e.Value = b[s.value_at : s.value_at+s.value_size]
	if s.key == C.GS_LITERAL {
		e.Key = b[s.name_at : s.name_at+s.name_size]
	} else {
		e.Index, e.Alias = flat.Key(s.key), flat.Key(s.alias)
	}
	return e, int(next), nil
}
