package phone

import "time"

// The language of a call is that of the number that was called, and another by a key after the greeting. It chooses the
// announcements, the queue, and who is rung.

// langKeyFor is how long the key of another language is waited for after it was said.
const langKeyFor = 2 * time.Second

// langOf is the language in which whoever calls a number of ours is greeted.
func (p *Phone) langOf(called string) string {
	if lang := p.rules().LangOf(called); lang != "" {
		return lang
	}
	return p.lang
}

// speaks has the call go on in a language.
func (c *call) speaks(lang string) {
	if lang == "" || lang == c.row.lang {
		return
	}
	c.row.lang = lang
	_, err := c.phone.db.Exec(c.ctx, `UPDATE phone_call SET rev = rev + 1, lang = $2 WHERE id = $1 AND ended_at = 0`, c.id, lang)
	if err != nil && c.ctx.Err() == nil {
		c.log.Error("phone: the language of a call could not be written", "error", err)
	}
}

// otherLanguage says, in the other language, by which key it is spoken; chosen is that the caller pressed it. digit is
// the key that she has pressed already, 0 for none, and what she pressed comes back. Where nobody at a desk takes calls in
// it, it is not said, and cannot be chosen: she would wait for nobody.
func (c *call) otherLanguage(digit byte) (pressed byte, chosen bool) {
	second := c.phone.rules().Second
	if second.Key == "" || second.Lang == c.row.lang || digit != 0 && digit != second.Key[0] {
		return digit, false
	}
	if there, err := c.phone.router.PhoneStaffed(c.ctx, second.Lang); err != nil || !there {
		return digit, false
	}
	if digit == 0 {
		digit = c.key(c.play(c.phone.sounds.get("other_language", second.Lang)), langKeyFor)
	}
	return digit, digit == second.Key[0]
}
