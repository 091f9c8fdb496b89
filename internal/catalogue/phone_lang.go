package catalogue

import "slices"

// SecondLanguage is a language that a caller may choose by a key: the greeting is followed by a sentence in it that says
// so, wherever somebody at a desk takes calls in it.
type SecondLanguage struct {
	// Key is one of 3 to 8, "" for none: the announcement says eight.
	Key  string `toml:"key"`
	Lang string `toml:"lang"`
}

// CalledNumber is a number of ours at which another language is spoken than the usual one.
type CalledNumber struct {
	Called []string `toml:"called"`
	Lang   string   `toml:"lang"`
}

// LangOf returns the language that is spoken at a number of ours, "" for the usual one.
func (f *Phone) LangOf(called string) string {
	for _, n := range f.Called {
		if called != "" && slices.Contains(n.Called, called) {
			return n.Lang
		}
	}
	return ""
}

func (f *Phone) checkLangs(p *page) {
	if f.Second.Key != "" {
		p.oneOf("second.key", f.Second.Key, "3", "4", "5", "6", "7", "8") // the others mean something already
		p.oneOf("second.lang", f.Second.Lang, Languages...)
	}
	for i, n := range f.Called {
		p.oneOf(at("number[%d].lang", i), n.Lang, Languages...)
		if len(n.Called) == 0 {
			p.flaw("empty", at("number[%d].called", i))
		}
	}
}
