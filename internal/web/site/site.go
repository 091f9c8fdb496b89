// Package site is what everybody may read besides the chat: the three doors, guides, news, the quiz, the vault, the pages about the
// helpline. None of it asks who reads. Pages are drawn once, kept with their compressed forms until what they were made of changes, and
// served from memory: a spike of readers reaches the record for the pictures of articles only, which browsers keep.
package site

import (
	"net/http"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/guide"
	"vigie/internal/web/ui"
)

// Room holds what the pages work with.
type Room struct {
	Site      ui.Site
	Guides    *guide.Guides
	Catalogue func() *catalogue.Set
	// App is what the helpline says of its app and its button.
	App AppOptions
	// Ask answers as the whole site does, for the list of what is there without a network.
	Ask http.Handler
	// Now is the clock of the pages.
	Now func() time.Time

	drawn cache
}
