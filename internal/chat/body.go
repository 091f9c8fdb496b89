package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"vigie/internal/fault"
	"vigie/internal/typed"
)

// MaxBody is how long a message may be, in characters.
const MaxBody = 4000

// maxBodyBytes bounds what is looked at at all: a character has at most four bytes, and NFC can only
// make a text of another length by a small factor.
const maxBodyBytes = 8 * MaxBody * utf8.UTFMax

// Clean makes a typed text fit to be kept and shown: valid UTF-8 in NFC, line ends as \n, no control
// characters and none of the marks that make a text read otherwise than it is written, no blank space
// around it. It returns fault.Invalid "fault.chat.empty" when nothing is left, "fault.chat.too_long" above MaxBody.
func Clean(body string) (string, error) {
	if len(body) > maxBodyBytes {
		return "", tooLong()
	}
	body = strings.ToValidUTF8(body, "")
	body = strings.ReplaceAll(body, "\r\n", "\n")
	body = strings.Map(typed.Keep, body)
	body = strings.TrimSpace(norm.NFC.String(body))
	if !readable(body) {
		return "", fault.New(fault.Invalid, "fault.chat.empty")
	}
	if utf8.RuneCountInString(body) > MaxBody {
		return "", tooLong()
	}
	return body, nil
}

func tooLong() error { return fault.New(fault.Invalid, "fault.chat.too_long", "max", MaxBody) }

// readable says that there is something to see.
func readable(s string) bool {
	for _, r := range s {
		if unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Mn, r) {
			return true
		}
	}
	return false
}
