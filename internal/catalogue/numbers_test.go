package catalogue

import (
	"strings"
	"testing"
)

// A number on which callers are checked has a kind, can be called, and stands in no order that is shown to the public.
func TestListedNumbers(t *testing.T) {
	const good = `
[[number]]
code = "brigade"
kind = "police"
number = "01 99 00 17 17"
label = { fr = "Brigade", en = "Police" }
ways = ["call"]
verified_on = "2026-11-23"
`
	check := func(text string) []Flaw {
		n := &Numbers{}
		return decode(DocNumbers, []byte(string(Seed(DocNumbers))+text), n, proposed).flaws
	}
	if flaws := check(good); len(flaws) > 0 {
		t.Errorf("a good one is refused: %+v", flaws)
	}
	for name, c := range map[string]struct{ from, to, key string }{
		"a kind that is none":       {`"police"`, `"army"`, "value_unknown"},
		"not called":                {`ways = ["call"]`, `ways = ["sms"]`, "number_kind"},
		"ours":                      {`kind =`, "ours = true\nkind =", "number_kind"},
		"an emergency number":       {`kind =`, "emergency = true\nkind =", "number_kind"},
		"no kind, and no words":     {`kind = "police"`, ``, "text_missing"},
		"shown to the public":       {`verified_on = "2026-11-23"`, "verified_on = \"2026-11-23\"\n[[order]]\ndanger = \"unknown\"\nnumbers = [\"brigade\"]", "number_order"},
		"a number that cannot ring": {`01 99 00 17 17`, `chez nous`, "number_form"},
	} {
		flaws := check(strings.Replace(good, c.from, c.to, 1))
		if len(flaws) == 0 || flaws[0].Key != "fault.catalogue."+c.key {
			t.Errorf("%s: %+v", name, flaws)
		}
	}
	set, err := Seeds()
	if err != nil {
		t.Fatal(err)
	}
	if all := set.Numbers.Listed(); len(all) != 0 {
		t.Errorf("the seed lists %+v, and nobody has checked them", all)
	}
}
