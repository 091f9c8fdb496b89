package evidence

import (
	"crypto/sha256"
	"encoding/hex"
)

// digest is the SHA-256 (hex) of an item that has no file: of its fields, one a line, each with its name, so that anybody
// can take it again from what an export shows:
//
//	address: https://…
//	account: …
//	platform: …
//	seen: …
//	statement: …
func (c Content) digest() string {
	sum := sha256.Sum256([]byte(c.Text()))
	return hex.EncodeToString(sum[:])
}

// Text is what the digest of an item without a file is taken of: UTF-8, each line ends with \n.
func (c Content) Text() string {
	return "address: " + c.Address + "\naccount: " + c.Account + "\nplatform: " + c.Platform + "\nseen: " + c.Seen + "\nstatement: " + c.Statement + "\n"
}
