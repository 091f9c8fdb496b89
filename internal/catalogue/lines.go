package catalogue

import (
	"slices"
	"time"
)

// Lines are what the helpline says by itself in a conversation: hello, goodbye, what happens in a
// silence. They are few and always signed by the line, never by a counsellor.
type Lines struct {
	head
	Silence Silence `toml:"silence"`
	// HardMost is how much hard material a counsellor looks at in a day before a break is proposed; 0, as in documents that
	// are older than it, is hardMost.
	HardMost time.Duration `toml:"hard_most"`
	All      []Line        `toml:"line"`

	byCode map[string]int
}

// Silence is the patience of a conversation, since the child's last sign of life ("2m", "90s").
type Silence struct {
	First  time.Duration `toml:"first"`  // a gentle line
	Second time.Duration `toml:"second"` // another
	Park   time.Duration `toml:"park"`   // the contact is parked, first in line on return
	Left   time.Duration `toml:"left"`   // how long a contact left by quick exit stays open
}

// hardMost is the limit of a catalogue that names none.
const hardMost = 20 * time.Minute

// HardLimit is after how much hard material in a day a break is proposed.
func (l *Lines) HardLimit() time.Duration {
	if l.HardMost <= 0 {
		return hardMost
	}
	return l.HardMost
}

// After returns the code of the line due after a silence, "" before the first one.
func (s Silence) After(quiet time.Duration) string {
	switch {
	case quiet >= s.Second:
		return LineSilenceSecond
	case quiet >= s.First:
		return LineSilenceFirst
	}
	return ""
}

// Line is one sentence, said with "tu" to the young and with "vous" to adults.
type Line struct {
	Code  string `toml:"code"`
	Young Text   `toml:"young"`
	Adult Text   `toml:"adult"`
}

// The lines that the house says at fixed moments; a catalogue without one of them is refused.
const (
	LineGreeting          = "greeting"            // the counsellor is there: {conseiller}
	LineGreetingBack      = "greeting_back"       // back with the same or another counsellor
	LineLifeDanger        = "life_danger"         // what we may do when a life is in danger, said before a chat is opened
	LineWaiting           = "waiting"             // in the queue, under the sentence that says so
	LineClosingSoon       = "closing_soon"        // from half an hour before closing, while waiting: {heure}
	LineSilenceFirst      = "silence_first"       // two minutes of silence
	LineSilenceSecond     = "silence_second"      // six
	LineParked            = "parked"              // the contact rests
	LineBack              = "back"                // back from silence
	LineHandover          = "handover"            // another counsellor takes over: {conseiller}
	LineEndedByStaff      = "ended_by_staff"      // the counsellor ended
	LineEndedByThreat     = "ended_by_threat"     // the counsellor ended because she was threatened; not required
	LineEndedByVisitor    = "ended_by_visitor"    // the visitor ended
	LineCheck             = "check"               // we call back who says to be the police or a network; not required
	LineFarewell          = "farewell"            // goodbye, with the four words
	LineFarewellDanger    = "farewell_danger"     // goodbye after a dangerous evening
	LineAttachmentWarning = "attachment_warning"  // before a file is sent
	LineAttachmentOpen    = "attachment_open"     // the counsellor opened the way for one proof
	LineAttachmentClosed  = "attachment_closed"   // the way is closed again
	LinePastReleased      = "past_released"       // older messages are shown again
	LineMessageReceived   = "message_received"    // a message left while closed
	LineMessageDanger     = "message_danger"      // the same, with a danger word in it
	LineThanks            = "satisfaction_thanks" // the last question was answered
	LineGuestJoins        = "guest_joins"         // a supervisor writes along: {conseiller}; not required
	LineGuestLeaves       = "guest_leaves"        // she has gone; not required
)

var requiredLines = []string{
	LineGreeting, LineGreetingBack, LineLifeDanger, LineWaiting, LineClosingSoon, LineSilenceFirst,
	LineSilenceSecond, LineParked, LineBack, LineHandover, LineEndedByStaff, LineEndedByVisitor, LineFarewell,
	LineFarewellDanger, LineAttachmentWarning, LineAttachmentOpen, LineAttachmentClosed, LinePastReleased,
	LineMessageReceived, LineMessageDanger, LineThanks,
}

// lineVariables are the variables a line may hold.
var lineVariables = []string{"conseiller", "heure", "prenom"}

// ByCode returns a line.
func (l *Lines) ByCode(code string) (Line, bool) {
	i, ok := l.byCode[code]
	if !ok {
		return Line{}, false
	}
	return l.All[i], true
}

// Say returns a line in the way and language of its reader, its variables filled; "" for a line that
// does not exist. speaks is Young or Adult.
func (l *Lines) Say(code, speaks, lang string, vars map[string]string) string {
	line, ok := l.ByCode(code)
	if !ok {
		return ""
	}
	said, _ := line.For(speaks).Fill(lang, vars)
	return said
}

// For returns the line for the young or for adults.
func (l Line) For(speaks string) Text {
	if speaks == Adult {
		return l.Adult
	}
	return l.Young
}

func (l *Lines) check(p *page) {
	all := codes{}
	l.byCode = map[string]int{}
	for i, line := range l.All {
		path := at("line[%d]", i)
		all.add(p, path+".code", line.Code)
		l.byCode[line.Code] = i
		p.text(path+".young", line.Young, lineVariables...)
		p.text(path+".adult", line.Adult, lineVariables...)
	}
	for _, code := range requiredLines {
		if !all[code] {
			p.flaw("required_missing", "line", "code", code)
		}
	}
	s := l.Silence
	if !slices.IsSorted([]time.Duration{time.Second, s.First, s.Second, s.Park}) || s.First == s.Second || s.Left < time.Second {
		p.flaw("silence", "silence")
	}
}
