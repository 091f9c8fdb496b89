package audio

// Concealer hides packets that did not come, in the manner of ITU-T G.711 Appendix I: what was said last goes
// on at its own pitch, for 10 ms as it is, then ever more quietly, and after 60 ms it is silent. Unlike the
// appendix it adds no delay: where a loss begins, the small step between the last sample and its repetition
// is spread over a quarter of a period.
//
// The zero Concealer is ready. It belongs to one stream and one goroutine, and does not allocate.
type Concealer struct {
	past [history]int16 // what was heard, the newest last
	// While hiding: the past when the loss began, and how it is played on.
	source [history]int16
	period int     // samples of one period of its pitch
	next   int     // samples of the piece that follows: 1, 2, then 3 periods
	left   int     // samples of the piece that are still to play
	carry  float64 // the step at the beginning, which fades over a quarter of a period
	hidden int     // samples made since the last good one
}

// All in samples.
const (
	shortest  = 40  // period: 200 Hz
	longest   = 120 // period: 66 Hz
	compared  = 160 // of the past, with itself
	history   = longest*3 + longest/4
	tenMs     = Rate / 100
	fadesFrom = tenMs
	fadesTo   = 6 * tenMs
)

// Good takes in a frame that came. The first milliseconds after a loss are changed in place: what was made
// up fades into what was said (4 ms, and 4 more for each 10 ms lost, to 10 at most).
func (c *Concealer) Good(frame []int16) {
	if c.hidden > 0 {
		blend := min((tenMs+c.hidden)*4/10, tenMs, len(frame))
		for i := range blend {
			up := float64(i+1) / float64(blend+1)
			frame[i] = rounded(float64(frame[i])*up + c.sample()*(1-up))
		}
		c.hidden = 0
	}
	c.remember(frame)
}

// Lost fills dst with what may have been said in a frame that did not come.
func (c *Concealer) Lost(dst []int16) {
	if c.hidden == 0 {
		c.begin()
	}
	for i := range dst {
		dst[i] = rounded(c.sample())
	}
	c.remember(dst)
}

func (c *Concealer) remember(frame []int16) {
	if len(frame) >= history {
		copy(c.past[:], frame[len(frame)-history:])
		return
	}
	copy(c.past[:], c.past[len(frame):])
	copy(c.past[history-len(frame):], frame)
}

func (c *Concealer) begin() {
	c.source = c.past
	c.period = pitch(&c.source)
	c.next, c.left = c.period, c.period
	c.carry = float64(c.source[history-1]) - float64(c.source[history-1-c.period])
}

// sample is the next sample of what is made up. In the last quarter of a period of a piece it fades over to
// what came before the piece that follows, so that the one flows into the other. The pieces get longer, since
// one period repeated many times buzzes.
func (c *Concealer) sample() float64 {
	if c.hidden >= fadesTo {
		c.hidden++
		return 0
	}
	quarter := c.period / 4
	s := float64(c.source[history-c.left])
	if c.left == quarter {
		c.next = c.period * (1 + min(c.hidden/tenMs, 2))
	}
	if c.left <= quarter {
		up := float64(quarter-c.left+1) / float64(quarter+1)
		s += (float64(c.source[history-c.next-c.left]) - s) * up
	}
	if c.left--; c.left == 0 {
		c.left = c.next
	}
	if c.hidden < quarter {
		s += c.carry * float64(quarter-c.hidden) / float64(quarter+1)
	}
	if c.hidden > fadesFrom {
		s *= float64(fadesTo-c.hidden) / float64(fadesTo-fadesFrom)
	}
	c.hidden++
	return s
}

// pitch is the lag at which the past is most like itself: a coarse search over every other sample, then the
// neighbours of what it found.
func pitch(past *[history]int16) int {
	likeness := func(lag, step int) float64 {
		var product, energy int64
		for i := history - compared; i < history; i += step {
			x := int64(past[i-lag])
			product += int64(past[i]) * x
			energy += x * x
		}
		if product <= 0 {
			return 0
		}
		// The quietest energy that counts: without it a pause would be like everything.
		return float64(product) * float64(product) / float64(max(energy, 64*compared))
	}
	best, at := 0.0, longest
	for lag := shortest; lag <= longest; lag += 2 {
		if l := likeness(lag, 2); l > best {
			best, at = l, lag
		}
	}
	best = 0
	fine := at
	for lag := max(at-1, shortest); lag <= min(at+1, longest); lag++ {
		if l := likeness(lag, 1); l > best {
			best, fine = l, lag
		}
	}
	return fine
}
