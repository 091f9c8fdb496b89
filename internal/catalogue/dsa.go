package catalogue

import "slices"

// DSA is how a category is called in the vocabulary of the DSA Transparency Database, the one in which
// platforms give their statements of reasons and in which we count our notices.
type DSA struct {
	Category string `toml:"category"` // STATEMENT_CATEGORY_…
	Keyword  string `toml:"keyword"`  // KEYWORD_…
}

// dsaKeywords are the keywords that matter to us, under the category each belongs to. The list is the
// Commission's (transparency-database, StatementStoreRequest.php, the version in force since 1 July
// 2025), so it is code and not data: an editor chooses from it and cannot add to it.
var dsaKeywords = map[string][]string{
	"STATEMENT_CATEGORY_CYBER_VIOLENCE": {
		"KEYWORD_CYBER_BULLYING_INTIMIDATION", "KEYWORD_CYBER_HARASSMENT", "KEYWORD_CYBER_INCITEMENT",
		"KEYWORD_CYBER_STALKING", "KEYWORD_NON_CONSENSUAL_IMAGE_SHARING", "KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE",
	},
	"STATEMENT_CATEGORY_CYBER_VIOLENCE_AGAINST_WOMEN": {"KEYWORD_BULLYING_AGAINST_GIRLS"},
	"STATEMENT_CATEGORY_PROTECTION_OF_MINORS": {
		"KEYWORD_AGE_SPECIFIC_RESTRICTIONS_MINORS", "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL",
		"KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE", "KEYWORD_GROOMING_SEXUAL_ENTICEMENT_MINORS",
		"KEYWORD_UNSAFE_CHALLENGES",
	},
	"STATEMENT_CATEGORY_SELF_HARM": {
		"KEYWORD_SUICIDE", "KEYWORD_SELF_MUTILATION", "KEYWORD_CONTENT_PROMOTING_EATING_DISORDERS",
	},
	"STATEMENT_CATEGORY_SCAMS_AND_FRAUD": {
		"KEYWORD_IMPERSONATION_ACCOUNT_HIJACKING", "KEYWORD_INAUTHENTIC_ACCOUNTS", "KEYWORD_PHISHING",
	},
	"STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH":              {"KEYWORD_HATE_SPEECH", "KEYWORD_DEFAMATION"},
	"STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY":               {"KEYWORD_TERRORIST_CONTENT"},
	"STATEMENT_CATEGORY_VIOLENCE":                               {"KEYWORD_HUMAN_TRAFFICKING"},
	"STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS": {},
	"STATEMENT_CATEGORY_OTHER_VIOLATION_TC":                     {},
}

// aboutAdults are the keywords whose definition excludes pictures of minors.
var aboutAdults = []string{"KEYWORD_NON_CONSENSUAL_IMAGE_SHARING", "KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE"}

func (d *DSA) check(p *page, path string, minor bool) {
	if d == nil {
		return
	}
	keywords, known := dsaKeywords[d.Category]
	switch {
	case !known:
		p.flaw("dsa_category", path+".category", "value", d.Category)
	case d.Keyword != "KEYWORD_OTHER" && !slices.Contains(keywords, d.Keyword):
		p.flaw("dsa_keyword", path+".keyword", "value", d.Keyword, "category", d.Category)
	case minor && slices.Contains(aboutAdults, d.Keyword):
		p.flaw("dsa_adults_only", path+".keyword", "value", d.Keyword)
	}
}
