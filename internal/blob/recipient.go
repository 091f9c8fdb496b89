package blob

import (
	"errors"
	"io"
	"regexp"
	"strings"

	"filippo.io/age"
)

// Recipient is somebody outside of the house who alone opens what is closed for her.
type Recipient struct{ key age.Recipient }

// oneKey is what a public key looks like: one word, so that nothing else is read out of it.
var oneKey = regexp.MustCompile(`^age1[0-9a-z]+$`)

// ErrRecipient says that a text is no public key.
var ErrRecipient = errors.New("blob: not a public key of age")

// ParseRecipient reads a public key as age-keygen prints it ("age1…", age-encryption.org/v1). It returns
// ErrRecipient for anything else.
func ParseRecipient(text string) (Recipient, error) {
	if !oneKey.MatchString(text) {
		return Recipient{}, ErrRecipient
	}
	keys, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil || len(keys) != 1 {
		return Recipient{}, ErrRecipient
	}
	return Recipient{keys[0]}, nil
}

// Close copies r to w closed for the recipient, as a file of the age program.
func (to Recipient) Close(w io.Writer, r io.Reader) error {
	closed, err := age.Encrypt(w, to.key)
	if err != nil {
		return err
	}
	if _, err := io.Copy(closed, r); err != nil {
		return err
	}
	return closed.Close()
}
