package bundle

import (
	"bytes"
	"time"
)

// Pack lays files out as a bundle's are, whatever is in them: somebody who knows the form can do the same.
func Pack(at time.Time, names []string, files map[string][]byte) []byte {
	var parts []part
	for _, name := range names {
		parts = append(parts, memory(name, files[name]))
	}
	var b bytes.Buffer
	if err := pack(&b, parts, at); err != nil {
		panic(err) // to memory
	}
	return b.Bytes()
}
