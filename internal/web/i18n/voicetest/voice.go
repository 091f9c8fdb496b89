// Package voicetest hears, in tests, how a French text speaks to its reader: as to a child, or as to an adult.
package voicetest

import "regexp"

// quoted is what somebody else says, or the word on a button.
var quoted = regexp.MustCompile(`«[^»]*»`)

var (
	tu = regexp.MustCompile(`(?i)(?:^|[^\p{L}])(?:(tu|te|toi|ton|ta|tes)(?:[^\p{L}]|$)|(t['’])\p{L})`)
	// orders are what a child is told to do, where a sentence begins: no other form of these verbs sounds so there.
	orders = regexp.MustCompile(`(?i)(?:^|[.!?:;…][\s\x{a0}\x{202f}]*)((?:n['’])?(?:appelle|appuie|attends|choisis|clique|coche|coupe|dis|donne|écris|envoie|essaie|garde|lis|note|ouvre|prends|raconte|recharge|réessaie|regarde|relis|renvoie|reste|reviens|sois|tape|touche|vérifie))(?:[^\p{L}]|$)`)
	vous   = regexp.MustCompile(`(?i)(?:^|[^\p{L}-])(vous|votre|vos|veuillez|svp)(?:[^\p{L}]|$)`)
)

// Tu is the first word by which a text speaks as to a child; "" for none.
func Tu(text string) string {
	text = quoted.ReplaceAllString(text, "")
	if word := tu.FindStringSubmatch(text); word != nil {
		return word[1] + word[2]
	}
	if word := orders.FindStringSubmatch(text); word != nil {
		return word[1]
	}
	return ""
}

// Vous is the first word by which a text speaks as to an adult; "" for none.
func Vous(text string) string {
	if word := vous.FindStringSubmatch(quoted.ReplaceAllString(text, "")); word != nil {
		return word[1]
	}
	return ""
}
