package fetch

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// typeOf is the declared content type without parameters, in small letters: "text/html"; "" when there is none, or none
// that can be read.
func typeOf(head http.Header) string {
	kind, _, err := mime.ParseMediaType(head.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || len(kind) > 127 {
		return ""
	}
	return kind
}

// declaredText says that every content type that is declared, if any, is one of text. What cannot be read is not.
func declaredText(head http.Header) bool {
	for _, value := range head["Content-Type"] {
		kind := typeOf(http.Header{"Content-Type": {value}})
		application, ok := strings.CutPrefix(kind, "application/")
		switch {
		case strings.HasPrefix(kind, "text/"):
		case ok && (application == "json" || application == "xml" || strings.HasSuffix(application, "+json") || strings.HasSuffix(application, "+xml")):
		default:
			return false
		}
	}
	return true
}

// sniff is the content type that the first bytes of a body show (WHATWG MIME Sniffing §7), whatever was declared. A vector
// picture is a picture, although it is written in letters.
func sniff(first []byte) string {
	kind, _, _ := strings.Cut(http.DetectContentType(first), ";")
	start := bytes.ToLower(bytes.TrimLeft(first, "\ufeff \t\r\n\f"))
	if drawing := bytes.Index(start, []byte("<svg")); drawing == 0 || drawing > 0 && bytes.HasPrefix(start, []byte("<?xml")) && !bytes.Contains(start, []byte("<html")) {
		return "image/svg+xml"
	}
	return kind
}

// text begins a body: its first bytes, at most 512, and a reader of all of it. It fails with NotText before anything more is
// read; found is then what it is.
func (a *answer) text() (first []byte, all io.Reader, found string, failure *Failure) {
	if !declaredText(a.head.Header) {
		return nil, nil, typeOf(a.head.Header), &Failure{Kind: NotText, Code: Declared, Sent: a.sent}
	}
	body, failure := a.body()
	if failure != nil {
		return nil, nil, "", failure
	}
	first, err := fill(body, sniffed)
	if err != nil && err != io.EOF {
		return first, nil, "", a.why(err)
	}
	if found = sniff(first); len(first) > 0 && !strings.HasPrefix(found, "text/") {
		return first, nil, found, &Failure{Kind: NotText, Code: Sniffed, Sent: a.sent}
	}
	return first, io.MultiReader(bytes.NewReader(first), body), found, nil
}

// fill reads so many bytes. It returns fewer with io.EOF at the end, or with the error that came; io.ReadFull would not
// tell an end from a cut.
func fill(r io.Reader, most int) (p []byte, err error) {
	p = make([]byte, most)
	n := 0
	for n < most && err == nil {
		var more int
		more, err = r.Read(p[n:])
		n += more
	}
	return p[:n], err
}

// readText reads the words of the answer into r.
func (a *answer) readText(r *Result, at *url.URL) *Failure {
	first, all, found, failure := a.text()
	r.Read = int64(len(first))
	if failure != nil {
		if failure.Kind == NotText {
			r.Type = found
		}
		return failure
	}
	if len(first) == 0 {
		return nil
	}
	counted := &tally{r: all}
	words, err := decoded(counted, a.head.Header.Get("Content-Type"))
	if err == nil {
		kind := r.Type
		if kind == "" {
			kind = found
		}
		switch kind {
		case "text/html", "application/xhtml+xml", "text/xml", "application/xml":
			r.Page, err = readHTML(words, at, a.limits.Text)
		default:
			r.Page, err = readPlain(words, a.limits.Text)
		}
	}
	r.Read = counted.n
	if err != nil {
		return a.why(err)
	}
	return nil
}

type tally struct {
	r io.Reader
	n int64
}

func (t *tally) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.n += int64(n)
	return n, err
}

// decoded is a text in UTF-8. What is not declared, in the header or in the first 1,024 bytes, is taken for UTF-8 unless it
// cannot be.
func decoded(r io.Reader, contentType string) (io.Reader, error) {
	first, err := fill(r, 1024)
	if err != nil && err != io.EOF {
		return nil, err
	}
	all := io.MultiReader(bytes.NewReader(first), r)
	way, _, certain := charset.DetermineEncoding(first, contentType)
	ascii := bytes.IndexFunc(first, func(r rune) bool { return r >= 0x80 }) < 0
	if way == encoding.Nop || !certain && ascii {
		return all, nil
	}
	return transform.NewReader(all, way.NewDecoder()), nil
}
