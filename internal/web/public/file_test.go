package public

import (
	"bytes"
	"io"
	"mime/multipart"
	"testing"

	"vigie/internal/fault"
)

// Whatever comes as the form of a file: it is refused with a sentence, or there is a file, which is read
// to its end or refused.
func FuzzUpload(f *testing.F) {
	for _, form := range []string{
		"--x\r\nContent-Disposition: form-data; name=\"sure\"\r\n\r\nyes\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\nabc\r\n--x--\r\n",
		"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nabc",
		"--x\r\nContent-Disposition: form-data; name=\"sure\"\r\n\r\nyes\r\n--x--", "--x\r\nnonsense", "", "--x--",
	} {
		f.Add([]byte(form))
	}
	f.Fuzz(func(t *testing.T, form []byte) {
		file, _, err := untilFile(multipart.NewReader(bytes.NewReader(form), "x"))
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		_ = file.FileName()
		if _, err := io.Copy(io.Discard, &whole{r: file, max: 1 << 20}); err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
			t.Fatalf("cut with %v", err)
		}
	})
}
