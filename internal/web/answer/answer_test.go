package answer_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"vigie/internal/fault"
	"vigie/internal/web/answer"
)

// Whatever comes as a form is read, or refused with a sentence.
func FuzzForm(f *testing.F) {
	const urlencoded = "application/x-www-form-urlencoded"
	for _, form := range [][2]string{
		{urlencoded, "body=a&body=b"}, {urlencoded, "%zz"}, {urlencoded + "; charset=latin-1", "a=\xff;b"}, {"", "a"}, {"text/plain", "a=b"},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--\r\n"},
		{"multipart/form-data; boundary=x", "--x\r\nnonsense"}, {"multipart/form-data", "--x"},
	} {
		f.Add(form[0], []byte(form[1]))
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/chat/messages", bytes.NewReader(body))
		r.Header.Set("Content-Type", kind)
		form, err := answer.Form(httptest.NewRecorder(), r)
		switch {
		case err == nil && len(body) > answer.MaxForm && len(form) > 0:
			t.Fatalf("%d bytes were read", len(body))
		case err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge):
			t.Fatalf("refused with %v", err)
		}
	})
}
