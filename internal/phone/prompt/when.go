package prompt

import (
	"strconv"
	"strings"
	"time"
)

// word is how the codes of words begin, of which a sentence is made that no recording can know: when we answer again.
const word = "word_"

// IsWord says whether an announcement is a word of such a sentence; by itself it is never heard.
func IsWord(code string) bool { return strings.HasPrefix(code, word) }

// When says when we answer again, as codes of words to be played one after the other: "We will answer", "tomorrow at",
// "nine in the morning". now and opens are on the helpline's own clock; of a time between two quarters of an hour the
// later is said, since by then it is true. nil where opens is the zero time.
func When(lang string, now, opens time.Time) []string {
	if opens.IsZero() {
		return nil
	}
	opens = later(opens)
	said := []string{"we_answer"}
	switch days := date(opens).Sub(date(now)) / (24 * time.Hour); {
	case days <= 0:
		said = append(said, "today")
	case days == 1:
		said = append(said, "tomorrow")
	case days < 7:
		said = append(said, strings.ToLower(opens.Weekday().String()[:3]))
	default:
		return coded(append(said, "later")) // a day's name would be taken for that of this week
	}
	hour, minute := opens.Hour(), opens.Minute()
	part := strconv.Itoa(minute)
	switch {
	case minute == 0:
		said = append(said, hourOf(hour))
	case lang == English && minute == 45: // "a quarter to ten"
		said = append(said, part, hourOf(hour+1))
	case lang == English: // "half past nine"
		said = append(said, part, hourOf(hour))
	default: // "neuf heures et demie"
		said = append(said, hourOf(hour), part)
	}
	return coded(said)
}

// later is t, or the next quarter of an hour.
func later(t time.Time) time.Time {
	const quarter = 15 * time.Minute
	into := time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	return t.Add((quarter - into%quarter) % quarter)
}

// date is the day of t as a day of 24 hours, so that days can be counted across a change of the clocks.
func date(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func hourOf(hour int) string { return "hour_" + strconv.Itoa(hour%24) }

func coded(words []string) []string {
	for i, w := range words {
		words[i] = word + w
	}
	return words
}
