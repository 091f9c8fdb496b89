package audio

import "math"

// The rates that are taken from a file, in samples a second.
const (
	lowestRate  = 8000
	highestRate = 96000
)

// resampler brings sound of any taken rate down to the 8,000 of the telephone, piece by piece: a
// windowed-sinc low-pass (Kaiser, 80 dB) that lets through what a telephone does, up to 3.4 kHz, and stops
// before 4 kHz, so that nothing is folded back into the voice. Its memory does not grow with the sound.
type resampler struct {
	rate int
	// phases are the filter between two samples of the source: exact for the rates in use (their ratio to
	// 8,000 is a small fraction), else the nearest of 1024, whose error lies under that of G.711.
	phases [][]float32
	taps   int
	// held are the last taps-1 samples of the source and what came since; the next output is centred at
	// position/8000 of a second, held[0] at first/rate.
	held     []float32
	first    int64
	made     int64
	received int64
}

const (
	passes  = 3400.0
	stops   = 4000.0
	kaiser  = 7.857 // beta of 80 dB
	mostSet = 1024
)

// newResampler takes rates of lowestRate to highestRate.
func newResampler(rate int) *resampler {
	r := &resampler{rate: rate}
	if rate == Rate {
		return r
	}
	// Kaiser's estimate of the length: (80 dB - 8) / (2.285 × width of the transition in radians).
	r.taps = int(math.Ceil((80-8)/(2.285*2*math.Pi*(stops-passes)/float64(rate)))) | 1
	count := min(Rate/gcd(rate, Rate), mostSet)
	cut := (passes + stops) / float64(rate) // of half the rate
	r.phases = make([][]float32, count)
	for p := range r.phases {
		h := make([]float32, r.taps)
		sum := 0.0
		for k := range h {
			x := float64(k-r.taps/2) - float64(p)/float64(count)
			h[k] = float32(sinc(cut*x) * window(x/float64(r.taps/2+1)))
			sum += float64(h[k])
		}
		for k := range h {
			h[k] /= float32(sum)
		}
		r.phases[p] = h
	}
	r.held = make([]float32, r.taps/2, r.taps+8192)
	r.first = -int64(r.taps / 2)
	return r
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// window is Kaiser's, of -1 to 1.
func window(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel(kaiser*math.Sqrt(1-x*x)) / bessel(kaiser)
}

// bessel is I0.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x / 2 / k * (x / 2 / k)
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// push takes samples of the source (-1 to 1) and appends to out what can be said of them by now.
func (r *resampler) push(out []int16, in []float32) []int16 {
	r.received += int64(len(in))
	if r.phases == nil {
		for _, s := range in {
			out = append(out, rounded(s*full))
		}
		r.made = r.received
		return out
	}
	r.held = append(r.held, in...)
	out = r.make(out)
	// What no later output looks at any more goes.
	next := r.made*int64(r.rate)/Rate - int64(r.taps/2)
	if drop := next - r.first; drop > 0 {
		drop = min(drop, int64(len(r.held)))
		r.held = r.held[:copy(r.held, r.held[drop:])]
		r.first += drop
	}
	return out
}

// flush appends what is left after the last push.
func (r *resampler) flush(out []int16) []int16 {
	if r.phases == nil || r.received == 0 {
		return out
	}
	r.held = append(r.held, make([]float32, r.taps/2+1)...)
	return r.make(out)
}

func (r *resampler) make(out []int16) []int16 {
	last := (r.received*Rate + int64(r.rate) - 1) / int64(r.rate) // as long as the source, rounded up
	for r.made < last {
		at := r.made * int64(r.rate)
		centre, rest := at/Rate, at%Rate
		phase := int((rest*int64(len(r.phases)) + Rate/2) / Rate)
		if phase == len(r.phases) {
			phase, centre = 0, centre+1
		}
		from := int(centre - int64(r.taps/2) - r.first)
		if from+r.taps > len(r.held) {
			break
		}
		sum := float32(0)
		source := r.held[from : from+r.taps]
		for k, h := range r.phases[phase] {
			sum += h * source[k]
		}
		out = append(out, rounded(sum*full))
		r.made++
	}
	return out
}
