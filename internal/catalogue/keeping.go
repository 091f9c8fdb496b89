package catalogue

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Keeping says how long each kind of data is kept (GDPR Art. 5(1)(e)): decided by the data protection officer. What the
// durations count from is the program's; the document says it in words.
type Keeping struct {
	head
	// Notice is how many days something stands on the preview before it may be erased by rule.
	Notice int        `toml:"notice"`
	All    []KeepRule `toml:"rule"`

	byCode map[string]int
}

// The kinds of data that a rule is for.
const (
	KeepContact   = "contact"   // a conversation that is closed and in no case file: from its close
	KeepCase      = "case"      // a case file that is no longer open, with its contacts: from the last contact
	KeepRecording = "recording" // the recording of a call
	KeepVoicemail = "voicemail" // a message spoken onto the tape
	KeepProof     = "proof"     // a file that was handed over in a conversation
	KeepRequest   = "request"   // a request about data that was answered, with its letters
	KeepSeen      = "seen"      // how long somebody of the staff looked at hard material
)

// keepSpan is a kind, with the fewest and the most days that its rule may say.
type keepSpan struct {
	code        string
	least, most int
}

var keepSpans = []keepSpan{
	{KeepContact, 30, maxKept}, {KeepCase, 90, maxKept}, {KeepRecording, 1, maxKept}, {KeepVoicemail, 1, maxKept},
	{KeepProof, 7, maxKept}, {KeepRequest, 30, maxKept}, {KeepSeen, 1, 30},
}

const (
	// maxKept is fifty years: more is a slip of the pen.
	maxKept                 = 50 * 365
	leastNotice, mostNotice = 7, 90
)

// KeepRule is the duration of one kind of data.
type KeepRule struct {
	Code  string `toml:"code"`
	Label Text   `toml:"label"`
	// From is the moment that the duration counts from, Reason why it is so long: the legal ground, in words.
	From   Text `toml:"from"`
	Reason Text `toml:"reason"`
	Days   int  `toml:"days"`
	// Unlimited says that nothing is erased by this rule; Days is 0 then.
	Unlimited bool `toml:"unlimited"`
}

// Lasts is how long the rule keeps something; ok is false for one without an end.
func (r KeepRule) Lasts() (d time.Duration, ok bool) {
	return time.Duration(r.Days) * 24 * time.Hour, !r.Unlimited
}

// ByCode returns the rule of a kind of data.
func (k *Keeping) ByCode(code string) (KeepRule, bool) {
	i, ok := k.byCode[code]
	if !ok {
		return KeepRule{}, false
	}
	return k.All[i], true
}

// Before is Notice as a duration.
func (k *Keeping) Before() time.Duration { return time.Duration(k.Notice) * 24 * time.Hour }

func (k *Keeping) check(p *page) {
	all := codes{}
	k.byCode = map[string]int{}
	if k.Notice < leastNotice || k.Notice > mostNotice {
		p.flaw("span", "notice", "least", leastNotice, "most", mostNotice)
	}
	for i, r := range k.All {
		path := at("rule[%d]", i)
		all.add(p, path+".code", r.Code)
		k.byCode[r.Code] = i
		p.text(path+".label", r.Label)
		p.text(path+".from", r.From)
		p.text(path+".reason", r.Reason)
		k.checkDays(p, path, r)
	}
	for _, kind := range keepSpans {
		if bool(p.strict) && !all[kind.code] { // a document that is older than a kind keeps all of that kind
			p.flaw("required_missing", "rule", "code", kind.code)
		}
	}
	k.checkWithin(p)
}

func (k *Keeping) checkDays(p *page, path string, r KeepRule) {
	i := slices.IndexFunc(keepSpans, func(kind keepSpan) bool { return kind.code == r.Code })
	if i < 0 {
		if p.strict {
			p.oneOf(path+".code", r.Code, keptCodes()...)
		}
		return
	}
	kind := keepSpans[i]
	switch {
	case r.Unlimited && (r.Days != 0 || kind.code == KeepSeen), !r.Unlimited && r.Days == 0:
		p.flaw("keep_unlimited", path+".days", "code", r.Code)
	case !r.Unlimited && (r.Days < kind.least || r.Days > kind.most):
		p.flaw("span", path+".days", "least", kind.least, "most", kind.most, "code", r.Code)
	}
}

// checkWithin refuses a sound or a file that would be kept longer than its conversation.
func (k *Keeping) checkWithin(p *page) {
	whole, ok := k.ByCode(KeepContact)
	if !ok || whole.Unlimited {
		return
	}
	for _, code := range []string{KeepRecording, KeepVoicemail, KeepProof} {
		if r, ok := k.ByCode(code); ok && (r.Unlimited || r.Days > whole.Days) {
			p.flaw("keep_longer", at("rule[%d].days", k.byCode[code]), "code", code)
		}
	}
}

func keptCodes() (all []string) {
	for _, kind := range keepSpans {
		all = append(all, kind.code)
	}
	return all
}

var (
	daysLine      = regexp.MustCompile(`=\s*-?\d+`)
	unlimitedLine = regexp.MustCompile(`=\s*true`)
)

// WithDays is the text of a Keeping with other numbers of days, by the codes of its rules, and everything else as it was,
// comments too. A rule that was unlimited has an end then. A text that cannot be read stays as it is.
func WithDays(text string, days map[string]int) string {
	var k Keeping
	if _, err := toml.Decode(text, &k); err != nil {
		return text
	}
	where, lines := readOutline(text), strings.Split(text, "\n")
	var missing []int // rules whose days stand nowhere yet
	for i, r := range k.All {
		n, ok := days[r.Code]
		if !ok || n == r.Days {
			continue
		}
		if line := where[at("rule[%d].unlimited", i)]; line > 0 {
			lines[line-1] = unlimitedLine.ReplaceAllString(lines[line-1], "= false")
		}
		if line := where[at("rule[%d].days", i)]; line > 0 {
			lines[line-1] = daysLine.ReplaceAllString(lines[line-1], "= "+strconv.Itoa(n))
		} else {
			missing = append(missing, i)
		}
	}
	for _, i := range slices.Backward(missing) {
		after := where[at("rule[%d].code", i)]
		lines = slices.Insert(lines, after, "days = "+strconv.Itoa(days[k.All[i].Code]))
	}
	return strings.Join(lines, "\n")
}
