package catalogue

import (
	"slices"
	"strings"
	"time"
)

// Phone is how the phone answers: what is asked before the line, what is said in it, when and how often
// somebody is called back.
type Phone struct {
	head
	// Menu asks who calls before the line: 1 for the young, 2 for adults. Without it nobody has to press a key.
	Menu bool `toml:"menu"`
	// Young and Adult are what the two keys of the menu stand for, codes of the question "who".
	Young string `toml:"young"`
	Adult string `toml:"adult"`
	// AnnounceEvery is how often who waits hears her place; OfferCallbackAfter, from when she is told that she may
	// ask to be called back instead.
	AnnounceEvery      time.Duration `toml:"announce_every"`
	OfferCallbackAfter time.Duration `toml:"offer_callback_after"`
	// CutOffFor is how long a caller whose line was cut is recognised and comes first.
	CutOffFor time.Duration `toml:"cut_off_for"`
	// RefuseListeningFor is how long, from when she is answered, a caller may still refuse a supervisor's ear by a key;
	// before that she always may.
	RefuseListeningFor time.Duration `toml:"refuse_listening_for"`
	// KeepCalls is how long the row of a call is kept for the figures ("9600h", 400 days): when it came, how long it
	// waited, how it ended. Which number it came from and who answered is gone after 30 days.
	KeepCalls time.Duration `toml:"keep_calls"`

	// Second is a language that a caller may choose; Called are numbers of ours at which another one is spoken.
	Second SecondLanguage `toml:"second"`
	Called []CalledNumber `toml:"number"`

	Callback  CallbackRules  `toml:"callback"`
	Voicemail VoicemailRules `toml:"voicemail"`
	Overflow  OverflowRules  `toml:"overflow"`
	// Record keeps what is said in every call, sealed with its contact; each caller is told. Off unless the
	// helpline decides it.
	Record bool `toml:"record"`
	// Partners are lines that send us callers: they have a queue of their own.
	Partners []Partner `toml:"partner"`
}

// Partner is a line that sends us callers (the 119, the 116 006): known by the numbers it calls from, or by a
// number of ours that only it knows.
type Partner struct {
	Code  string `toml:"code"`
	Label Text   `toml:"label"`
	// Numbers are those it calls from; Called are numbers of ours.
	Numbers []string `toml:"numbers"`
	Called  []string `toml:"called"`
	// Queue is a code of the queues.
	Queue string `toml:"queue"`
}

// Partner returns the partner line that a call comes from; same says whether two numbers are one.
func (f *Phone) Partner(number, called string, same func(a, b string) bool) (Partner, bool) {
	for _, p := range f.Partners {
		if number != "" && slices.ContainsFunc(p.Numbers, func(n string) bool { return same(n, number) }) || called != "" && slices.Contains(p.Called, called) {
			return p, true
		}
	}
	return Partner{}, false
}

// CallbackRules say when somebody who asked for it is called back.
type CallbackRules struct {
	// Tries is how often we try before a human decides; Again is the time between two tries.
	Tries int           `toml:"tries"`
	Again time.Duration `toml:"again"`
	// From and Until are the hours in which a phone may ring at somebody's home ("10:00"); they narrow our own.
	From  string `toml:"from"`
	Until string `toml:"until"`

	from, until time.Duration
}

// VoicemailRules say whether a message may be spoken while we are closed, and how long.
type VoicemailRules struct {
	Open bool          `toml:"open"`
	Max  time.Duration `toml:"max"`
}

// OverflowRules are for the evening on which nobody is there: when somebody has waited this long and nobody at all
// is at a desk that takes calls, plain telephones ring, one after the other.
type OverflowRules struct {
	After time.Duration `toml:"after"`
	// Numbers are those of the telephones ("+33612345678"); the trunk must be allowed to call them.
	Numbers []string `toml:"numbers"`
}

func (f *Phone) check(p *page) {
	span := func(path string, d, least, most time.Duration) {
		if d < least || d > most {
			p.flaw("span", path, "least", least.String(), "most", most.String())
		}
	}
	span("announce_every", f.AnnounceEvery, 15*time.Second, 10*time.Minute)
	span("offer_callback_after", f.OfferCallbackAfter, 0, time.Hour)
	span("cut_off_for", f.CutOffFor, time.Minute, 24*time.Hour)
	if f.RefuseListeningFor == 0 { // a document edited before it was said
		f.RefuseListeningFor = 2 * time.Minute
	}
	span("refuse_listening_for", f.RefuseListeningFor, 10*time.Second, time.Hour)
	if f.KeepCalls == 0 { // a document edited before it was said
		f.KeepCalls = 400 * 24 * time.Hour
	}
	span("keep_calls", f.KeepCalls, 31*24*time.Hour, 5*366*24*time.Hour)
	span("callback.again", f.Callback.Again, time.Minute, 48*time.Hour)
	span("voicemail.max", f.Voicemail.Max, 10*time.Second, 10*time.Minute)
	span("overflow.after", f.Overflow.After, 0, time.Hour)
	if f.Callback.Tries < 1 || f.Callback.Tries > 10 {
		p.flaw("span", "callback.tries", "least", "1", "most", "10")
	}
	clock := func(path, text string) time.Duration {
		t, err := time.Parse("15:04", text)
		if err != nil {
			p.flaw("clock", path)
			return 0
		}
		return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
	f.Callback.from, f.Callback.until = clock("callback.from", f.Callback.From), clock("callback.until", f.Callback.Until)
	if f.Callback.from >= f.Callback.until {
		p.flaw("clock", "callback.until")
	}
	digits := func(path, number string) {
		if n := strings.TrimPrefix(number, "+"); n == "" || strings.Trim(n, "0123456789 ") != "" {
			p.flaw("number_form", path)
		}
	}
	for i, number := range f.Overflow.Numbers {
		digits(at("overflow.numbers[%d]", i), number)
	}
	f.checkLangs(p)
	all := codes{}
	for i, partner := range f.Partners {
		path := at("partner[%d]", i)
		all.add(p, path+".code", partner.Code)
		p.text(path+".label", partner.Label)
		for j, number := range partner.Numbers {
			digits(at("%s.numbers[%d]", path, j), number)
		}
	}
}

// join checks that the keys stand for answers that exist, and the partners' queues.
func (f *Phone) join(p *page, s *Set) {
	for path, code := range map[string]string{"young": f.Young, "adult": f.Adult} {
		p.refers(path, code, DocQuestions, s.Questions.Has(AskWho, code))
	}
	for i, partner := range f.Partners {
		_, ok := s.Queues.ByCode(partner.Queue)
		p.refers(at("partner[%d].queue", i), partner.Queue, DocQueues, ok)
	}
}
