package site

import (
	"net/http"

	"github.com/a-h/templ"

	"vigie/internal/guide"
	"vigie/internal/web/assets"
	"vigie/internal/web/i18n"
)

// Vault is « Mon coffre »: what a young person keeps on her own device, sealed under a passphrase. The page is the same for everybody and the
// house never learns that there is a vault: all of it happens in the browser (assets/ts/vault-box.ts). What she hands to her counsellor goes
// by the door of proofs (public/file.go).
func (s *Room) Vault(w http.ResponseWriter, r *http.Request) error {
	say := speaking(r, guide.Young)
	return s.page(w, r, "/vault", func() (templ.Component, error) {
		page := s.frame(say, "/vault", "/vault", say.T("vault.title"), say.T("vault.description"))
		page.Styles, page.Script = append(page.Styles, "vault.css"), "vault.js"
		return vaultPage(say, page), nil
	})
}

// takeItDown is where a picture of oneself is taken off the networks without anybody seeing it.
const takeItDown = "https://takeitdown.ncmec.org"

// sentences are what the page's element says when it happens, by its code.
var sentences = []string{
	"phrase_short", "phrase_other", "rephrase_other", "rephrase_wrong", "rephrase_elsewhere", "rephrasing", "rephrased", "making", "made", "opening", "wrong", "wait", "slow_note", "closed_hidden", "closed_self", "waiting_files",
	"adding", "added", "added_many", "adding_n", "pasted_nothing", "paste_refused", "read_failed", "not_shown", "reading", "removed",
	"exporting", "exported", "importing", "imported", "restored", "space_left", "space_unknown", "persisted", "not_persisted",
	"give_sending", "given_match", "given_differs", "give_kind", "give_large", "give_failed", "given_at", "given_back", "given_open", "back_done",
	"inbox_refused", "inbox_unread", "inbox_dropped", "elsewhere_erased", "item_refused", "no_name", "copied_to_device", "saved_draft",
	"fault_broken", "fault_newer", "fault_older", "fault_costs", "fault_wrong", "fault_tampered", "fault_space", "fault_large", "fault_empty", "fault_lost",
	"fault_cut", "fault_closed", "fault_elsewhere", "fault_other", "kind_picture", "kind_video", "kind_sound", "kind_file", "kind_link", "kind_note", "unit_kb", "unit_mb", "unit_gb",
}

// holes keep a sentence's placeholders for the browser, which fills them.
func sentenceOf(say *i18n.Printer, code string) string {
	return say.T("vault.say."+code, "n", "{n}", "name", "{name}", "free", "{free}", "max", "{max}", "when", "{when}", "used", "{used}", "there", "{there}", "refused", "{refused}")
}

// wordList is where the words for a passphrase are. They are drawn in the browser, so that no server has seen anybody's passphrase.
func wordList(say *i18n.Printer) string { return assets.URL("words-" + say.Lang() + ".txt") }
