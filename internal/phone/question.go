package phone

import (
	"context"
	"strings"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// What a caller is asked by keys before she is promised a call: whether on this number, who else may answer, and when.
// What she has said so far is kept, whether she says no more, or hangs up.

// answerWithin is how long a key is waited for after a question.
const answerWithin = 4 * time.Second

// The answers to when, kept with the wish (contact.Callback.Key) in the order of their keys.
const (
	WhenNow      = "now"
	WhenEvening  = "evening"
	WhenTomorrow = "tomorrow"
)

// eveningFrom is when an evening begins, in hours of the local day.
const eveningFrom = 18

// surgeWeight is what a call-back of a surge weighs under a catalogue that does not say it.
const surgeWeight = 1500

// question plays a question and returns which of its keys was pressed, 0 for none. A key of no meaning is not heard. It
// ends when somebody answers the caller.
func (c *call) question(code, keys string) byte {
	clips := c.clips(code)
	if len(clips) == 0 {
		return 0
	}
	piece := c.music.Play(clips...)
	defer piece.Stop()
	said, until := piece.Done(), time.Time{}
	for !c.gone && !c.over {
		wait := time.Duration(0)
		if said == nil {
			if wait = time.Until(until); wait <= 0 {
				return 0
			}
		}
		digit := c.until(said, wait)
		if digit != 0 && strings.IndexByte(keys, digit) >= 0 {
			return digit
		}
		select {
		case <-piece.Done():
			if said != nil {
				said, until = nil, time.Now().Add(answerWithin)
			}
		default:
		}
		if c.row.contactID != "" {
			if err := c.look(); err != nil && c.ctx.Err() == nil {
				c.log.Error("phone: the contact of a call could not be read; trying again", "error", err)
			}
			if c.inHand() {
				return 0
			}
		}
	}
	return 0
}

// askOthersAndWhen asks the two last questions, and keeps the answers in the wish.
func (c *call) askOthersAndWhen(wish *contact.Callback) {
	switch c.question("callback_others", "12") {
	case '1':
		wish.Key.Others = "yes"
	case '2':
		wish.Key.Others = "no"
	default:
		return
	}
	switch c.question("callback_when", "123") {
	case '1':
		wish.Key.When = WhenNow
	case '2':
		wish.Key.When = WhenEvening
	case '3':
		wish.Key.When = WhenTomorrow
	}
}

// wishedFor is when a wish would have us call: from then on a phone may ring at somebody's home.
func (p *Phone) wishedFor(when string) time.Time {
	now := p.local(p.now())
	at := now
	switch evening := time.Date(now.Year(), now.Month(), now.Day(), eveningFrom, 0, 0, 0, now.Location()); {
	case when == WhenTomorrow:
		at = time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location())
	case when == WhenEvening && now.Before(evening):
		at = evening
	}
	return p.ringsFrom(at)
}

// bookCallback takes a caller who would rather be called than wait out of the line: what is known of her stays,
// and we ring her when she said, or as soon as somebody is free. A number that is withheld, or that we may not call, cannot
// be rung, and she is told.
func (c *call) bookCallback() {
	number := c.phone.home(c.number)
	if number == "" {
		c.music.Play(c.clips("callback_refused")...)
		return
	}
	c.music.Stop()
	var wish contact.Callback
	switch c.question("callback_ask", "12") {
	case '2': // she would rather stay
		c.heard = heard{}
		return
	case '1':
		c.askOthersAndWhen(&wish)
	}
	if c.inHand() { // she is answered
		c.heard = heard{}
		return
	}
	// She may be gone, or the house closing: what she said is kept all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), 10*time.Second)
	defer cancel()
	_, err := c.phone.contacts.BookWith(ctx, c.row.contactID, func(tx *store.Tx, ct contact.Contact, key *seal.Key) error {
		return c.promiseWished(ctx, tx, ct, key, number, wish)
	})
	if fault.Is(err, fault.Conflict) { // it rings at somebody's desk at this very moment
		if c.gone {
			if err := c.promiseApart(ctx, &wish); err != nil {
				c.log.Error("phone: a call-back could not be promised to whoever hung up", "error", err)
			}
		}
		c.heard = heard{}
		return
	}
	if err != nil {
		c.log.Error("phone: a call-back could not be promised; the caller stays in line", "error", err)
		c.heard = heard{}
		return
	}
	if !c.gone {
		c.outcome = ByHouse
	}
	c.say("callback_saved")
	c.over = true
}

// promiseWished writes a promise to call as it was wished, with its reasons, and has its contact offered when it is due.
func (c *call) promiseWished(ctx context.Context, tx *store.Tx, ct contact.Contact, key *seal.Key, number string, wish contact.Callback) error {
	p := c.phone
	due := p.wishedFor(wish.Key.When)
	if err := p.contacts.SetCallback(ctx, tx, ct.ID, key, wish); err != nil {
		return err
	}
	if err := p.promiseAt(ctx, tx, ct.ID, key, number, due, false); err != nil {
		return err
	}
	if _, err := p.contacts.AddReason(ctx, tx, ct.ID, c.reason(catalogue.ReasonCallback)); err != nil {
		return err
	}
	if p.router.Surge().On { // she heard that she is called back first
		why := p.reason(catalogue.ReasonCallbackOne, surgeWeight)
		if _, err := p.contacts.AddReason(ctx, tx, ct.ID, why); err != nil {
			return err
		}
	}
	if due.After(p.now()) {
		_, err := p.contacts.Due(ctx, tx, ct.ID, due, p.dueReason(due, 1))
		return err
	}
	_, err := p.contacts.Due(ctx, tx, ct.ID, store.Time(ct.WaitingSince), contact.Reason{}) // her place is kept
	return err
}
