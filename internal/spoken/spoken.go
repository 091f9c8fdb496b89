// Package spoken makes the codes that people read out to each other, by telephone too: receipts, the references of files,
// the code that comes with a link.
package spoken

import "crypto/rand"

// Signs are what a code is written with: none that looks like another one (0 O Q, 1 I L, 2 Z, 5 S, 8 B), and of those that
// sound alike by telephone, in French or English (B D E G P T V, M N, F S), one at most.
const Signs = "2345679ACHJKMRUWXY"

// Code returns n signs by chance, each as likely as any other.
func Code(n int) string {
	code := make([]byte, n)
	const most = 256 - 256%len(Signs) // above it, some signs would come more often
	for i := range code {
		var b [1]byte
		for b[0] = 255; int(b[0]) >= most; {
			rand.Read(b[:]) // never fails (Go 1.24)
		}
		code[i] = Signs[int(b[0])%len(Signs)]
	}
	return string(code)
}
