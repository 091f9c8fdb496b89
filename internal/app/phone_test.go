package app

import (
	"slices"
	"testing"

	"vigie/internal/catalogue"
)

// What may be called is as it is dialled, however it is written in the documents.
func TestWhatMayBeCalled(t *testing.T) {
	set := &catalogue.Set{
		Numbers: &catalogue.Numbers{All: []catalogue.Number{
			{Code: "3114", Number: "31 14", Ways: []string{"call"}}, {Code: "114", Number: "114", Ways: []string{"sms"}},
			{Code: "3018", Number: "3018", Ways: []string{"call"}, Ours: true},
		}},
		Phone: &catalogue.Phone{Overflow: catalogue.OverflowRules{Numbers: []string{"+33 6 39 98 00 11", "06 39 98 00 12"}}},
	}
	if got, want := callable(set), []string{"3114", "+33639980011", "+33639980012"}; !slices.Equal(got, want) {
		t.Errorf("%v may be called, want %v", got, want)
	}
}
