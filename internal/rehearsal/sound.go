package rehearsal

import (
	"embed"
	"fmt"
)

// What is said in calls is spoken by espeak-ng when the program is built (internal/phone/prompt/build), as A-law of 8,000 samples a
// second: built/<code of the story>/<step>.alaw. It is never committed. Without it calls are read.
//
//go:embed all:built
var built embed.FS

// Sound is what is said in a step (the first is 1) of a call, as A-law; false when nothing is, or when the program was built without.
func (s Story) Sound(step int) (law []byte, ok bool) {
	if step < 1 || step > len(s.Steps) || s.Channel != "phone" {
		return nil, false
	}
	law, err := built.ReadFile(fmt.Sprintf("built/%s/%d.alaw", s.Code, step))
	return law, err == nil
}
