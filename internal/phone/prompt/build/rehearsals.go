package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"vigie/internal/phone/prompt"
)

// voiceOf is who speaks in an invented call, by language and by what the story says.
var voiceOf = map[string]map[string]voice{
	"fr": {
		"girl": {name: "fr+f2", pitch: 88, speed: 150}, "boy": {name: "fr+m3", pitch: 72, speed: 155}, "woman": {name: "fr+f1", pitch: 50, speed: 155},
		"man": {name: "fr+m1", pitch: 35, speed: 155}, "staff": {name: "fr+f3", pitch: 45, speed: 145, gap: 1}, "house": {name: "fr", pitch: 45, speed: 145, gap: 1},
	},
	"en": {
		"girl": {name: "en-gb+f2", pitch: 85, speed: 150}, "boy": {name: "en-gb+m3", pitch: 72, speed: 155}, "woman": {name: "en-gb+f1", pitch: 50, speed: 155},
		"man": {name: "en-gb+m1", pitch: 35, speed: 155}, "staff": {name: "en-gb+f3", pitch: 45, speed: 145, gap: 1}, "house": {name: "en-gb", pitch: 45, speed: 145, gap: 1},
	},
}

// rehearsals are the invented calls of a folder (internal/rehearsal/library), each step that is said a piece of its own.
func rehearsals(espeak, library string) ([]piece, error) {
	files, err := filepath.Glob(filepath.Join(library, "*.toml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no invented contacts in %s: %w", library, os.ErrNotExist)
	}
	var all []piece
	for _, name := range files {
		var story struct {
			Code, Lang, Channel, Voice string
			Step                       []struct{ Who, Say string }
		}
		if _, err := toml.DecodeFile(name, &story); err != nil {
			return nil, err
		}
		if story.Channel != "phone" {
			continue
		}
		for i, step := range story.Step {
			who := step.Who
			if who == "child" {
				who = story.Voice
			}
			v, ok := voiceOf[story.Lang][who]
			if step.Say == "" || strings.HasPrefix(step.Say, "(") { // "(Silence.)" is read
				continue
			}
			if !ok {
				return nil, fmt.Errorf("%s: nobody speaks %s as %q", name, story.Lang, who)
			}
			all = append(all, piece{
				name: fmt.Sprintf("%s/%d", story.Code, i+1),
				from: fmt.Sprint(v, step.Say),
				make: func() ([]int16, error) { return speak(espeak, v, []prompt.Part{{Words: step.Say}}, margin, false) },
			})
		}
	}
	return all, nil
}
