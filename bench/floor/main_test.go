package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswers(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 640)
	tests := []struct {
		name, body, want string
		status           int
	}{
		{"hello", "", "Hello World!\n", http.StatusOK},
		{"large", "", large, http.StatusOK},
		{"echo", large, large, http.StatusOK},
		{"echo", "", "", http.StatusOK},
		{"echo", strings.Repeat("x", maxEcho+1), "a Content-Length of up to 1 MB, please\n", http.StatusRequestEntityTooLarge},
	}
	for _, test := range tests {
		recorder := httptest.NewRecorder()
		handlers()[test.name].ServeHTTP(recorder, httptest.NewRequest("POST", "/", strings.NewReader(test.body)))
		if recorder.Code != test.status || recorder.Body.String() != test.want {
			t.Errorf("%s with %d bytes: %d, %d bytes; want %d, %d bytes",
				test.name, len(test.body), recorder.Code, recorder.Body.Len(), test.status, len(test.want))
		}
	}
}
