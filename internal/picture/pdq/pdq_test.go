package pdq_test

import (
	"strings"
	"testing"

	"vigie/internal/fault"
	"vigie/internal/picture/pdq"
)

func parsed(t testing.TB, text string) pdq.Hash {
	t.Helper()
	h, err := pdq.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return h
}

func TestAHashIsReadAndWrittenAsTheExchangesDo(t *testing.T) {
	const bridge = "d8f8f0cce0f4a84f0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22"
	if got := parsed(t, bridge).String(); got != bridge {
		t.Errorf("%s was written %s", bridge, got)
	}
	if got := parsed(t, " "+strings.ToUpper(bridge)+"\n").String(); got != bridge {
		t.Errorf("upper case was read as %s", got)
	}
	for _, text := range []string{"", "d8f8", bridge + "00", bridge[:63] + "g", bridge[:63] + " ", strings.Repeat("é", 32)} {
		if _, err := pdq.Parse(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDistanceIsTheNumberOfBitsThatDiffer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		bits int
	}{
		{strings.Repeat("0", 64), strings.Repeat("0", 64), 0},
		{strings.Repeat("0", 64), strings.Repeat("f", 64), 256},
		{strings.Repeat("0", 64), "8" + strings.Repeat("0", 62) + "1", 2},
		{strings.Repeat("0", 64), strings.Repeat("0", 15) + "11" + strings.Repeat("0", 31) + "11" + strings.Repeat("0", 14), 4}, // beside the borders of words
	} {
		a, b := parsed(t, c.a), parsed(t, c.b)
		if a.Distance(b) != c.bits || b.Distance(a) != c.bits {
			t.Errorf("%s and %s: %d and %d bits, not %d", c.a, c.b, a.Distance(b), b.Distance(a), c.bits)
		}
	}
}

// Meta published these hashes of one photograph of a bridge and of what was made of it (facebook/ThreatExchange,
// pdq/wasm/test/TestData/PDQMD5TestData.csv), and of pictures that have nothing to do with it.
func TestThePublishedHashesOfOneBridgeMatchAndNoOther(t *testing.T) {
	original := parsed(t, "d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22")
	for made, text := range map[string]string{
		"by another program": "d8f8f0cce0f4a84f0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22",
		"more saturated":     "d8f8f0cee0f4a84f0637022a038f67f0b36e2ed596631e1d33e6339c4e9c9b22",
		"a little sharper":   "d8f8f0cee0f4a84f0e370222038f67f0b36e2ed596231e1d33e6b39c4e9c9b22",
		"much sharper":       "d0f8f0cec0f4a84f0e370a22338f67f0b36a2ef596231e1d72e6a39c4e9c9b22",
		"a little smaller":   "d8f8f0cee0f4a84f0e370a22038f67f0b36e2ed596621e1d33e6339c4e9c9b22",
		"much smaller":       "d0f8f1ccc0f4a84d0a370a3a228f67f0b36e2ed5b6623e1d33e6339c4e9c9b22",
		"squeezed to 128":    "d8f8f1eec0f4a84f0e37022a078f63f0b36e2ed596621e1d33e6239c4e9c9b22",
	} {
		if h := parsed(t, text); !h.Match(original) {
			t.Errorf("%s: %d bits from the original", made, h.Distance(original))
		}
	}
	for what, text := range map[string]string{
		"the bridge, turned": "38a50efd71c83f429013d68d0ffffc52e34e0e15ada952a9d29684214aa9e5af",
		"another picture":    "e4cc89d91c623842f8d1f1d9a398e78c9f199a3bf87925f2b7e11e0bf061b064",
		"a small one":        "6227401f601ff4ccafcc9fad4b0d95d371a2eb7265a3285234d228ca94deeb2d",
	} {
		if h := parsed(t, text); h.Match(original) {
			t.Errorf("%s: only %d bits from the original", what, h.Distance(original))
		}
	}
}

// 31 bits are a match and 32 are not.
func TestTheThresholdIsThirtyOneBits(t *testing.T) {
	var h, other pdq.Hash
	for bit := range 31 {
		other[bit] = 1
	}
	if !h.Match(other) {
		t.Error("31 bits do not match")
	}
	if other[31] = 1; h.Match(other) {
		t.Error("32 bits match")
	}
}
