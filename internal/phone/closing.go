package phone

import (
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone/media"
)

// The end of the day, for whoever still waits: nobody is cut. She hears who answers now, and chooses by a key: to be
// called back, or one of the numbers of help, to which she is put through. She stays in line by pressing nothing. As
// long as somebody is at a desk that is all; where nobody is any more, she hears the numbers and is let to the tape.
// It is the same whether the hours end the day, a holiday, or a supervisor.

// evening is how far that is with one caller.
type evening struct {
	began   bool
	said    *media.Piece // what she hears of it just now, nil for nothing
	heard   time.Time    // when that was over last
	numbers bool         // nobody is at a desk, and she has heard the numbers
}

// helps are the numbers to which a caller may be put through when we close: its key, the announcement that says so, and
// its code in the catalogue, which has the number itself.
var helps = []struct {
	key        byte
	said, code string
}{
	{'1', "closing_119", "119"},
	{'2', "closing_3114", "3114"},
}

// keyWithin is how long a key is waited for where nobody is at a desk.
const keyWithin = 10 * time.Second

// help returns the number of a key, and false where none can be called.
func (c *call) help(code string) (catalogue.Number, bool) {
	n, ok := c.phone.catalogue().Numbers.ByCode(code)
	return n, ok && n.Callable() && c.phone.trunk != nil
}

// closes tells a caller in line that we have closed, and what she may choose, and again from time to time.
func (c *call) closes() {
	e := &c.evening
	if c.phone.today().Open {
		if e.began { // open again: she hears her place as before
			*e, c.reminded = evening{}, time.Now()
		}
		return
	}
	if c.gone || c.over || !c.inLine() || c.parties.third != nil {
		return
	}
	if !e.began {
		c.sayChoices()
		return
	}
	if e.said != nil {
		select {
		case <-e.said.Done():
			e.said, e.heard = nil, time.Now()
		default:
		}
		return
	}
	quiet, every := time.Since(e.heard), c.phone.rules().AnnounceEvery
	if quiet < min(keyWithin, every) {
		return
	}
	staffed := c.staffed()
	switch {
	case !staffed && !e.numbers:
		e.numbers, e.said = true, c.music.Play(c.closedSaid()...)
	case !staffed && c.phone.rules().Voicemail.Open:
		c.lateMessage()
		if c.parties.third == nil {
			*e = evening{} // she may choose anew
		}
	case quiet >= every && staffed: // her place, too
		place := c.placeSaid()
		c.sayChoices(place[:min(1, len(place))]...)
	case quiet >= every:
		c.sayChoices()
	}
}

// staffed says whether anybody at a desk takes calls in her language; when that cannot be read, somebody may.
func (c *call) staffed() bool {
	there, err := c.phone.router.PhoneStaffed(c.ctx, c.row.lang)
	if err != nil && c.ctx.Err() == nil {
		c.log.Error("phone: whether anybody is at a desk could not be read", "error", err)
	}
	return there || err != nil
}

// sayChoices tells a caller who waits after closing what she may choose: only what there is.
func (c *call) sayChoices(before ...string) {
	codes := append(before, "closing_now")
	if c.staffed() {
		codes = append(codes, "closing_stay")
	}
	for _, h := range helps {
		if _, ok := c.help(h.code); ok {
			codes = append(codes, h.said)
		}
	}
	if c.phone.home(c.number) != "" {
		codes = append(codes, "closing_callback")
	}
	c.evening = evening{began: true, said: c.music.Play(c.clips(codes...)...)}
}

// chooses is a key of a caller who waits after closing; false for one that is nothing then.
func (c *call) chooses(digit byte) bool {
	if !c.evening.began || !c.inLine() {
		return false
	}
	for _, h := range helps {
		n, ok := c.help(h.code)
		if h.key != digit || !ok {
			continue
		}
		if c.parties.third == nil {
			c.putThrough(n)
		}
		return true
	}
	return false
}

// putThrough rings a number of help for a caller in line, who is left with it when it answers.
func (c *call) putThrough(n catalogue.Number) {
	c.music.Stop()
	c.music.Loop(c.phone.sounds.get(Music, ""))
	c.music.Play(c.clips("putting_through")...)
	c.ringOut(n.Code, n.Dial(), catalogue.ReasonPutThrough, func() {
		if c.inLine() {
			c.sayChoices("not_reached")
		}
	})
}

// lateMessage lets a caller who waited when we closed to the tape. Somebody may come to a desk meanwhile: then she is
// answered, and what she had begun to say she says to her.
func (c *call) lateMessage() {
	leave, may := c.phone.tape(c.ctx, c.mark)
	if !may {
		return
	}
	defer leave()
	if digit := c.say("voicemail"); digit != 0 && digit != '#' {
		c.pressedKey(digit)
		return
	}
	if c.gone || c.over || c.taken() {
		return
	}
	spoken := c.takeMessage()
	switch {
	case c.taken():
	case len(spoken) >= samplesOf(leastMessage):
		c.keeps(spoken)
		c.over = c.outcome != ""
	case !c.gone:
		c.become(Waiting)
		c.say("voicemail_empty")
	}
}

// taken says that somebody at a desk has a caller who waited, or that it rings there.
func (c *call) taken() bool {
	if c.row.contactID == "" {
		return false
	}
	if err := c.look(); err != nil || c.over {
		return c.over
	}
	return c.contact.State != contact.Waiting
}

// comesBack says that a caller who rings after closing was cut off by us a moment before, and that somebody is still
// there to answer her.
func (c *call) comesBack() bool {
	before, err := c.phone.cutOff(c.ctx, c.mark)
	if err != nil || !before.first {
		return false // it is told where she is greeted
	}
	if there, err := c.phone.router.PhoneStaffed(c.ctx, before.lang); err != nil || !there {
		return false
	}
	c.evening = evening{began: true, heard: time.Now()} // she is told of the closing when she has waited
	return true
}
