package referral

import (
	"fmt"
	"slices"
	"strings"

	"vigie/internal/catalogue"
)

// Line is one thing that a partner is told, in words: a label, and an answer.
type Line struct {
	// Group is the part of the paper, in words, said on its first line only.
	Group, Label, Answer string
	Code                 string
}

// Department is the field that says which office of a partner it goes to.
const Department = "department"

// Fields are what a partner is told; for one with an office in each département, the département first, which no paper has to
// ask for.
func (r *Referrals) Fields(partner catalogue.Recipient) []catalogue.ReferralField {
	asked, ok := r.catalogue().Form.Field(Department)
	if _, have := partner.Field(Department); have || !ok || !partner.ByDepartment {
		return partner.Fields
	}
	first := catalogue.ReferralField{Code: Department, Label: asked.Label, Type: catalogue.OfPlace, From: Department}
	return append([]catalogue.ReferralField{first}, partner.Fields...)
}

// Lines are what a partner is told, in its order and in a language; what has no answer is left out.
func (r *Referrals) Lines(ref Referral, lang string) []Line {
	set := r.catalogue()
	partner, _ := set.Partners.ByCode(ref.Partner)
	group := ""
	var all []Line
	for _, f := range r.Fields(partner) {
		for _, code := range Repeated(ref.Content.Fields, f.Code) {
			answer := said(set, f, ref.Content.Fields[code], lang, r.say)
			if answer == "" {
				continue
			}
			line := Line{Label: f.Label.In(lang), Answer: answer, Code: code}
			if _, n, ok := strings.Cut(code, "#"); ok {
				line.Label += " (" + n + ")"
			}
			if f.Group != group {
				group = f.Group
				if i := slices.IndexFunc(partner.Groups, func(g catalogue.ReferralGroup) bool { return g.Code == f.Group }); i >= 0 {
					line.Group = partner.Groups[i].Label.In(lang)
				}
			}
			all = append(all, line)
		}
	}
	return all
}

// most is how many times a group is there at most: a family of six children.
const most = 6

// Repeated are the codes under which a field may be answered: its own, and "#2" to "#6" as far as there are answers.
func Repeated(fields map[string]string, code string) []string {
	all := []string{code}
	for n := 2; n <= most; n++ {
		if again := fmt.Sprintf("%s#%d", code, n); fields[again] != "" {
			all = append(all, again)
		}
	}
	return all
}

// said is an answer in words.
func said(set *catalogue.Set, f catalogue.ReferralField, answer, lang string, say func(lang, key string, args ...any) string) string {
	switch f.Type {
	case catalogue.YesNo:
		if answer == "yes" || answer == "no" {
			return say(lang, "referral.answer."+answer)
		}
	case catalogue.OneChoice:
		for _, c := range f.Choices {
			if c.Code == answer {
				return c.Label.In(lang)
			}
		}
	case catalogue.OfPlace:
		if d, ok := set.Departments.ByCode(answer); ok {
			return d.Label.In(lang)
		}
	}
	return answer
}

// Document is the paper as a partner reads it: plain text, in UTF-8.
func (r *Referrals) Document(ref Referral) string {
	partner, _ := r.catalogue().Partners.ByCode(ref.Partner)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\n", partner.Label.In(lang), r.say(lang, "referral.paper.receipt", "receipt", ref.Receipt()))
	fmt.Fprintf(&b, "%s\n%s\n\n", r.say(lang, "referral.legal"), partner.LegalBasis.In(lang))
	for _, line := range r.Lines(ref, lang) {
		if line.Group != "" {
			fmt.Fprintf(&b, "\n%s\n", strings.ToUpper(line.Group))
		}
		fmt.Fprintf(&b, "%s\n    %s\n", line.Label, strings.ReplaceAll(line.Answer, "\n", "\n    "))
	}
	fmt.Fprintf(&b, "\n%s\n", r.say(lang, "referral.consent."+ref.Content.Consent))
	if ref.Content.Call.Number != "" {
		fmt.Fprintf(&b, "%s\n", r.say(lang, "referral.paper.called", "number", ref.Content.Call.Number, "who", ref.Content.Call.Who))
	}
	return b.String()
}
