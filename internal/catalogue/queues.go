package catalogue

import (
	"slices"
	"time"
)

// Queues are who waits where, and the reasons for which somebody goes first. Every point of priority
// has a reason that a person can read.
type Queues struct {
	head
	// AgeingPerMinute is what a minute of waiting adds, in points, unless a queue says otherwise.
	AgeingPerMinute int `toml:"ageing_per_minute"`
	// OnCallAfter is how long an alarm rings unseen before the supervisor on call is called ("2m").
	OnCallAfter time.Duration `toml:"on_call_after"`
	All         []Queue       `toml:"queue"`
	Skills      []Skill       `toml:"skill"`
	Reasons     []Reason      `toml:"reason"`
}

// Queue is a waiting line. An empty list of languages, publics or topics takes everybody.
type Queue struct {
	Code    string   `toml:"code"`
	Label   Text     `toml:"label"`
	Langs   []string `toml:"langs"`
	Publics []string `toml:"publics"` // choices of the "who" question; "unknown" for whoever skipped it
	Topics  []string `toml:"topics"`  // choices of the "topic" question
	// Skills a counsellor needs to be rung first from this queue, by their codes. A language is none:
	// routing asks for it by itself.
	Skills []string `toml:"skills"`
	// Base is the priority everybody in the queue begins with, in points.
	Base int `toml:"base"`
	// Ageing is what a minute of waiting adds; 0 takes the document's.
	Ageing int `toml:"ageing"`
	// Named is for who is sent to it by its code, such as a partner line's callers: nobody's answers choose it.
	Named   bool `toml:"named"`
	Retired bool `toml:"retired"`
}

// Skill is what a queue may ask of a counsellor besides the language.
type Skill struct {
	Code  string `toml:"code"`
	Label Text   `toml:"label"`
}

// Reason is one reason for priority.
type Reason struct {
	Code  string `toml:"code"`
	Label Text   `toml:"label"`
	// Weight in points. Ageing makes about 2 a minute: 120 points go before an hour of waiting.
	Weight int `toml:"weight"`
}

// reasonVariables are what the sentence of a reason may hold.
var reasonVariables = []string{"minutes", "partner", "hour", "try"}

// The reasons that the house gives by itself; a catalogue without one of them is refused.
const (
	ReasonWaiting     = "waiting"         // waiting {minutes} min
	ReasonCameBack    = "came_back"       // came back with a code
	ReasonParkedBack  = "parked_back"     // back from silence: first in line
	ReasonLeftBack    = "left_back"       // back after leaving quickly
	ReasonHandedOver  = "handed_over"     // handed over by a colleague
	ReasonClosingSoon = "closing_soon"    // we close soon
	ReasonYoungest    = "youngest"        // under 11
	ReasonPartner     = "partner"         // sent by a partner line
	ReasonMessage     = "message"         // a message left while closed
	ReasonDanger      = "danger"          // the danger mark, also when a hand set it
	ReasonCutOff      = "cut_off"         // a caller whose line was cut, and who rings again
	ReasonCallback    = "callback"        // asked to be called back
	ReasonCallbackDue = "callback_due"    // is to be called now, as was promised
	ReasonCallbackOne = "callback_first"  // asked to be called back in a surge, where it is said that this comes first
	ReasonDangerKey   = "danger_key"      // pressed the key that says: somebody is in danger now
	ReasonOverflow    = "overflow"        // answered on a plain telephone, to be written up
	ReasonPutThrough  = "put_through"     // put through to a number of help when we closed, to be written up
	ReasonVoicemail   = "voicemail"       // spoke a message while we were closed
	ReasonLost        = "counsellor_lost" // her counsellor's desk is gone
)

var requiredReasons = []string{
	ReasonWaiting, ReasonCameBack, ReasonParkedBack, ReasonLeftBack, ReasonHandedOver, ReasonClosingSoon, ReasonYoungest,
	ReasonPartner, ReasonMessage, ReasonDanger, ReasonLost,
}

// For returns the queue of a contact: the first that takes its language, public and topic. There is
// always one, because the last queue must take everybody. Skipped questions are "".
func (q *Queues) For(lang, public, topic string) Queue {
	if public == "" {
		public = "unknown"
	}
	takes := func(list []string, code string) bool { return len(list) == 0 || slices.Contains(list, code) }
	for _, queue := range q.All {
		if !queue.Retired && !queue.Named && takes(queue.Langs, lang) && takes(queue.Publics, public) && takes(queue.Topics, topic) {
			return queue
		}
	}
	return q.All[len(q.All)-1]
}

// ByCode returns a queue, retired ones too.
func (q *Queues) ByCode(code string) (Queue, bool) {
	i := slices.IndexFunc(q.All, func(q Queue) bool { return q.Code == code })
	if i < 0 {
		return Queue{}, false
	}
	return q.All[i], true
}

// Asked returns the skills that the queues in use ask for, in the order of the queues. One that has no
// label is called by its code.
func (q *Queues) Asked() []Skill {
	var all []Skill
	for _, queue := range q.All {
		for _, code := range queue.Skills {
			if !queue.Retired && !slices.ContainsFunc(all, func(s Skill) bool { return s.Code == code }) {
				all = append(all, q.skill(code))
			}
		}
	}
	return all
}

func (q *Queues) skill(code string) Skill {
	if i := slices.IndexFunc(q.Skills, func(s Skill) bool { return s.Code == code }); i >= 0 {
		return q.Skills[i]
	}
	label := Text{}
	for _, lang := range Languages {
		label[lang] = code
	}
	return Skill{Code: code, Label: label}
}

// Reason returns a reason by its code.
func (q *Queues) Reason(code string) (Reason, bool) {
	i := slices.IndexFunc(q.Reasons, func(r Reason) bool { return r.Code == code })
	if i < 0 {
		return Reason{}, false
	}
	return q.Reasons[i], true
}

func (q *Queues) check(p *page) {
	queues, skills, reasons := codes{}, codes{}, codes{}
	if q.AgeingPerMinute < 1 || q.AgeingPerMinute > 100 { // without ageing somebody would wait for ever
		p.flaw("ageing", "ageing_per_minute")
	}
	if q.OnCallAfter == 0 { // a document edited before there was such a call
		q.OnCallAfter = 2 * time.Minute
	}
	if q.OnCallAfter < 10*time.Second || q.OnCallAfter > time.Hour {
		p.flaw("on_call_after", "on_call_after")
	}
	for i := range q.All {
		queue := &q.All[i]
		path := at("queue[%d]", i)
		queues.add(p, path+".code", queue.Code)
		p.text(path+".label", queue.Label)
		if queue.Ageing < 0 || queue.Ageing > 100 {
			p.flaw("ageing", path+".ageing")
		}
		if queue.Ageing == 0 {
			queue.Ageing = q.AgeingPerMinute
		}
		for j, skill := range queue.Skills {
			if !codeForm.MatchString(skill) {
				p.flaw("code_form", at("%s.skills[%d]", path, j), "code", skill)
			}
		}
	}
	if n := len(q.All); n == 0 || len(q.All[n-1].Langs)+len(q.All[n-1].Publics)+len(q.All[n-1].Topics) > 0 || q.All[n-1].Retired || q.All[n-1].Named {
		p.flaw("queue_last", at("queue[%d]", max(0, len(q.All)-1)))
	}
	for i, s := range q.Skills {
		skills.add(p, at("skill[%d].code", i), s.Code)
		p.text(at("skill[%d].label", i), s.Label)
	}
	for i, r := range q.Reasons {
		reasons.add(p, at("reason[%d].code", i), r.Code)
		p.text(at("reason[%d].label", i), r.Label, reasonVariables...)
		if r.Weight < 0 || r.Weight > 100_000 { // a reason only raises
			p.flaw("max", at("reason[%d].weight", i))
		}
	}
	for _, code := range requiredReasons {
		if !reasons[code] {
			p.flaw("required_missing", "reason", "code", code)
		}
	}
}

func (q *Queues) join(p *page, s *Set) {
	who, _ := s.Questions.Question(AskWho)
	topics, _ := s.Questions.Question(AskTopic)
	for i, queue := range q.All {
		for j, code := range queue.Publics {
			_, ok := who.Choice(code)
			p.refers(at("queue[%d].publics[%d]", i, j), code, DocQuestions, ok || code == "unknown")
		}
		for j, code := range queue.Topics {
			_, ok := topics.Choice(code)
			p.refers(at("queue[%d].topics[%d]", i, j), code, DocQuestions, ok)
		}
		for j, lang := range queue.Langs {
			p.oneOf(at("queue[%d].langs[%d]", i, j), lang, Languages...)
		}
	}
}
