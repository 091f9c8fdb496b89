package stats

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// line is what a contact counts as: the day it arrived on, and what is known of it. Its cells are made of it and of nothing else, so that
// what was counted can be taken back; and it can be asked what no cell says, two things at once. It has no id, and is deleted
// with its contact.
type line struct {
	day  int64 // 20261128
	said []Said
}

// Said is one thing that is known of a contact: of a dimension, a code.
type Said struct {
	Dim  Dim    `json:"dim"`
	Code string `json:"code"`
}

func (s Said) compare(o Said) int {
	return cmp.Or(cmp.Compare(s.Dim, o.Dim), cmp.Compare(s.Code, o.Code))
}

// Dimensions that a line has and no cell: they are a cell's channel and its measures.
const (
	Channel Dim = "channel"
	Became  Dim = "became"
	inTime  Dim = "in_time"
)

// add says one more thing. A code of a form that an administrator made is no sign of ours.
func (l *line) add(d Dim, code string) {
	one := Said{d, strings.Map(func(r rune) rune {
		if r == ';' || r == '=' {
			return '_'
		}
		return r
	}, code)}
	if !slices.Contains(l.said, one) {
		l.said = append(l.said, one)
	}
}

// get is the last code of a dimension, "" for none.
func (l line) get(d Dim) string {
	for _, s := range slices.Backward(l.said) {
		if s.Dim == d {
			return s.Code
		}
	}
	return ""
}

// text is a line as it is kept: ";channel=chat;became=treated;hour=18;…;".
func (l line) text() string {
	var b strings.Builder
	b.WriteByte(';')
	for _, s := range l.said {
		b.WriteString(string(s.Dim))
		b.WriteByte('=')
		b.WriteString(s.Code)
		b.WriteByte(';')
	}
	return b.String()
}

func lineOf(day int64, text string) line {
	l := line{day: day}
	for d, code := range saidIn(text) {
		l.said = append(l.said, Said{d, code})
	}
	return l
}

// saidIn is all that a kept line says, in its order.
func saidIn(text string) iter.Seq2[Dim, string] {
	return func(yield func(Dim, string) bool) {
		for part := range strings.SplitSeq(strings.Trim(text, ";"), ";") {
			if d, code, ok := strings.Cut(part, "="); ok && !yield(Dim(d), code) {
				return
			}
		}
	}
}

// isCells says that what is kept of a contact are its cells, as an older version kept them.
func isCells(text string) bool { return strings.HasPrefix(text, "[") }

// lineOfCells makes of such cells the line that they stand for.
func lineOfCells(text string) (l line, err error) {
	var all []cell
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return l, fmt.Errorf("stats: what a contact was counted as: %w", err)
	}
	for _, c := range all {
		if c.Dim != All {
			continue
		}
		l.day = c.Day
		l.add(Channel, c.Channel)
		switch c.Measure {
		case Entered:
		case InTime:
			l.add(inTime, "1")
		default:
			l.add(Became, string(c.Measure))
		}
	}
	for _, c := range all {
		switch c.Dim {
		case All, CategoryGender, CategoryAge: // the crossings are made of the others
		default:
			l.add(c.Dim, c.Code)
		}
	}
	return l, nil
}

// cells are those in which a line counts: by the day and by the month, and what is crossed by the month alone.
func (l line) cells() []cell {
	if len(l.said) == 0 {
		return nil
	}
	channel, hour := l.get(Channel), l.get(Hour)
	all := make([]cell, 0, 4*len(l.said))
	add := func(d Dim, code string, m Measure) {
		c := cell{d, l.day, channel, code, m}
		all = append(all, c, c.inMonth())
	}
	measures := []Measure{Entered, Measure(l.get(Became))}
	if l.get(inTime) != "" {
		measures = append(measures, InTime)
	}
	for _, m := range measures {
		add(All, "", m)
		add(Hour, hour, m)
	}
	all = append(all, cell{Hour, l.day, channel, hour, Entered}.inWeek())
	for _, s := range l.said {
		switch s.Dim {
		case Channel, Became, inTime, Hour:
		default:
			add(s.Dim, s.Code, N)
		}
	}
	if category := l.get(Category); category != "" {
		for d, by := range map[Dim]Dim{CategoryGender: Gender, CategoryAge: Age} {
			all = append(all, cell{d, l.day / 100, channel, category + "/" + l.get(by), N})
		}
	}
	return all
}

// inMonth is the cell of the month that a cell of a day adds to.
func (c cell) inMonth() cell {
	c.Day /= 100
	return c
}

// inWeek is the cell, of a month, of the weekday and the hour that a cell of an hour adds to: "3/17" is Wednesday at five.
func (c cell) inWeek() cell {
	c.Dim, c.Code = Week, string(rune('1'+weekday(c.Day)))+"/"+c.Code
	return c.inMonth()
}
