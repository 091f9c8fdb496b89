package demo

import (
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/stats"
)

// Counted makes up what a helpline counted in thirteen months, up to now: some 250 contacts a day that never were, more on school days and
// after school, fewer in August. They are counts from the start; nobody is behind them.
func Counted(set *catalogue.Set, now time.Time) iter.Seq[stats.Invented] {
	return CountedOver(set, now, 395, 250)
}

// CountedOver is the same over so many days, with so many contacts on a usual one.
func CountedOver(set *catalogue.Set, now time.Time, days int, each float64) iter.Seq[stats.Invented] {
	return func(yield func(stats.Invented) bool) {
		chance := rand.New(rand.NewPCG(119, 3018))
		zone := set.Hours.Zone()
		now = now.In(zone)
		y, m, d := now.Date()
		c := counter{chance: chance, categories: codesOf(set, "category_main", catalogue.NoTalk, set.Taxonomy), departments: codesOf(set, "department", "", nil), platforms: codesOf(set, "platforms", "", nil),
			outcomes: codesOf(set, "outcome", "", nil), who: codesOf(set, "who", "", nil), rates: set.Questions.Last.Choices}
		for day := days; day >= 0; day-- {
			morning := time.Date(y, m, d-day, 0, 0, 0, 0, zone)
			n := each * weekdays[morning.Weekday()] * months[morning.Month()] * (1.15 - 0.15*float64(day)/float64(max(days, 1))) * (0.9 + 0.2*chance.Float64())
			for range int(n) {
				at := time.Date(y, m, d-day, 9+pick(chance, hours), chance.IntN(60), chance.IntN(60), 0, zone)
				if k := c.one(at); at.Before(now) && !yield(k) {
					return
				}
			}
		}
	}
}

var (
	weekdays = map[time.Weekday]float64{time.Monday: 1.15, time.Tuesday: 1.1, time.Wednesday: 1.2, time.Thursday: 1.05, time.Friday: 1, time.Saturday: 0.75, time.Sunday: 0.8}
	months   = map[time.Month]float64{time.January: 1.05, time.February: 1, time.March: 1.1, time.April: 0.95, time.May: 1, time.June: 0.95, time.July: 0.7, time.August: 0.6, time.September: 1, time.October: 1.1, time.November: 1.25, time.December: 1}
	// from nine to eleven at night: most of those who write begin between 16 and 24 h
	hours = []float64{4, 5, 5, 6, 5, 5, 6, 9, 12, 11, 9, 9, 10, 8}
)

type counter struct {
	chance                                            *rand.Rand
	categories, departments, platforms, outcomes, who []string
	rates                                             []catalogue.AnswerChoice
}

// pick chooses by weight.
func pick(chance *rand.Rand, weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	at := chance.Float64() * sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// often chooses one of some codes, the first much more often than the last.
func (c counter) often(codes []string) string {
	if len(codes) == 0 {
		return stats.Unknown
	}
	return codes[min(len(codes)-1, int(math.Abs(c.chance.NormFloat64())*float64(len(codes))/4))]
}

func (c counter) one(at time.Time) stats.Invented {
	k := stats.Invented{At: at, Lang: "fr", Channel: []string{"phone", "chat", "message"}[pick(c.chance, []float64{62, 31, 7})], Became: stats.Treated}
	if c.chance.IntN(40) == 0 {
		k.Lang = "en"
	}
	evening := at.Hour() >= 17
	if k.Channel != "message" {
		lost := 9.0
		if evening {
			lost = 17
		}
		k.Became = []stats.Measure{stats.Treated, stats.PreTreated, stats.Abandoned, stats.Short, stats.Dissuaded}[pick(c.chance, []float64{64, 11, lost, 6, 4})]
	}
	middle := 22.0
	if evening {
		middle = 55
	}
	k.Waited = time.Duration(middle*math.Exp(c.chance.NormFloat64()*0.9)) * time.Second
	talks := 18.0
	if k.Channel == "chat" {
		talks = 42
	}
	k.Talked = time.Duration(talks*60*math.Exp(c.chance.NormFloat64()*0.6)) * time.Second
	switch k.Became {
	case stats.PreTreated:
		k.Codes = map[stats.Dim]string{stats.Closing: []string{"silent", "joke", "wrong_number", "test"}[pick(c.chance, []float64{5, 4, 2, 1})]}
	case stats.Treated:
		k.Codes = map[stats.Dim]string{
			stats.Category: c.often(c.categories), stats.Department: c.often(c.departments), stats.Platform: c.often(c.platforms), stats.Outcome: c.often(c.outcomes), stats.Who: c.often(c.who),
			stats.Age:    []string{"7_9", "10_12", "13_15", "16_17", "18_25", stats.Unknown}[pick(c.chance, []float64{3, 18, 38, 20, 8, 13})],
			stats.Gender: []string{"girl", "boy", "nonbinary", stats.Unknown}[pick(c.chance, []float64{54, 33, 2, 11})],
		}
		if c.chance.IntN(4) == 0 {
			k.Codes[stats.Department] = stats.Unknown
		}
		if k.Channel == "chat" && len(c.rates) > 0 && c.chance.IntN(3) == 0 {
			k.Codes[stats.Satisfaction] = c.rates[min(len(c.rates)-1, pick(c.chance, []float64{6, 3, 1}))].Code
		}
	}
	return k
}

// codesOf are the codes that a field of the form offers, départements in an order by chance; those of categories without the flag.
func codesOf(set *catalogue.Set, field string, without catalogue.Flag, taxonomy *catalogue.Taxonomy) []string {
	f, ok := set.Form.Field(field)
	if !ok {
		return nil
	}
	var codes []string
	for _, c := range f.Offered() {
		if taxonomy != nil {
			if category, ok := taxonomy.ByCode(c.Code); ok && category.Has(without) {
				continue
			}
		}
		codes = append(codes, c.Code)
	}
	if field == "department" {
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(codes), func(i, j int) { codes[i], codes[j] = codes[j], codes[i] })
	}
	return codes
}
