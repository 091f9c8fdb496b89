package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"vigie/internal/picture/pdq"
	"vigie/internal/picture/pdq/invented"
)

// PicturesOptions shape a measurement of hashes of pictures.
type PicturesOptions struct {
	// Hashes are searched, Queries times.
	Hashes, Queries int
	// Measure is how long pictures are hashed, once with decoding and once without.
	Measure time.Duration
	// Hide takes so many of the neighbours that must be found out of the bank again, to show that it is noticed.
	Hide int
}

// Pictures is what hashing pictures and searching hashes takes, on one core.
type Pictures struct {
	Megapixels float64 `json:"megapixels"`
	JPEGBytes  int     `json:"jpeg_bytes"` // of one picture, on average
	Hashed     int     `json:"hashed"`     // pictures, both ways
	// HashedPerS is of pictures in memory, DecodedPerS of JPEGs, both per second of one core's own time.
	HashedPerS  float64 `json:"hashed_per_s"`
	DecodedPerS float64 `json:"decoded_and_hashed_per_s"`
	MinQuality  int     `json:"least_quality"`

	Hashes  int `json:"hashes"`
	Queries int `json:"queries"`
	// Planted are the neighbours within 31 bits that were put among the hashes; Found those that were found,
	// Foreign what was found and was not put there.
	Planted int `json:"planted"`
	Found   int `json:"found"`
	Foreign int `json:"foreign"`
	// Query is of one hash, Forms of the eight forms of a picture at once.
	Query Latency `json:"query_ms"`
	Forms Latency `json:"forms_query_ms"`
	// RSS is what the process held at the end.
	RSS    float64 `json:"rss_mb"`
	CPU    float64 `json:"cpu_s"`
	Others float64 `json:"others_cores"`
}

const (
	// A photograph of about a million pixels, 4:3.
	photographWidth, photographHeight = 1156, 867
	// photographs is how many different ones are hashed in turn.
	photographs = 8
)

// Pictures measures hashing and searching, in this process and on one core (GOMAXPROCS of 1, so that what is
// collected is collected on it too).
func (b Bench) Pictures(ctx context.Context, o PicturesOptions) error {
	r := Result{Bench: "pdq", Machine: thisMachine(), Pictures: &Pictures{Hashes: o.Hashes, Queries: o.Queries}}
	b.logf("%s", r.Machine)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p, self := r.Pictures, os.Getpid()
	b.logf("inventing %d photographs", photographs)
	raws, files, err := p.invent()
	if err != nil {
		return err
	}
	spent, busy, began := processor(self), busyTime(), time.Now()
	b.logf("hashing them for %s each way", o.Measure)
	if p.HashedPerS, err = p.hash(ctx, o.Measure, func(i int) error { return p.judge(raws[i%photographs]) }); err != nil {
		return err
	}
	p.DecodedPerS, err = p.hash(ctx, o.Measure, func(i int) error {
		picture, err := pdq.Decode(bytes.NewReader(files[i%photographs]), pdq.Limits{})
		if err != nil {
			return err
		}
		return p.judge(picture)
	})
	if err != nil {
		return err
	}
	b.logf("searching %d hashes %d times", o.Hashes, o.Queries)
	if err := p.search(ctx, o); err != nil {
		return err
	}
	took := time.Since(began)
	spent, busy = processor(self)-spent, busyTime()-busy
	now, _, _ := memory(self)
	p.RSS, p.CPU, p.Others = mega(now), spent.Seconds(), hundredths(max(0, (busy-spent).Seconds()/took.Seconds()))
	if err := b.result(r); err != nil {
		return err
	}
	if p.Found != p.Planted || p.Foreign > 0 || p.MinQuality < pdq.MinQuality {
		return fmt.Errorf("%w: of %d neighbours %d were found, and %d that are none; the least quality was %d", Failed, p.Planted, p.Found, p.Foreign, p.MinQuality)
	}
	return nil
}

// invent makes the photographs, as a decoder keeps them and as files.
func (p *Pictures) invent() (raws []image.Image, files [][]byte, err error) {
	p.MinQuality = 100
	p.Megapixels = hundredths(photographWidth * photographHeight / 1e6)
	for seed := range uint64(photographs) {
		var file bytes.Buffer
		if err := jpeg.Encode(&file, invented.Photograph(seed, photographWidth, photographHeight), &jpeg.Options{Quality: 85}); err != nil {
			return nil, nil, err
		}
		raw, err := pdq.Decode(bytes.NewReader(file.Bytes()), pdq.Limits{})
		if err != nil {
			return nil, nil, err
		}
		raws, files = append(raws, raw), append(files, file.Bytes())
		p.JPEGBytes += file.Len() / photographs
	}
	return raws, files, nil
}

func (p *Pictures) judge(picture image.Image) error {
	_, quality := pdq.Of(picture)
	p.MinQuality = min(p.MinQuality, quality)
	p.Hashed++
	return nil
}

// hash does something for a while and says how often a second of the process's own time it did.
func (p *Pictures) hash(ctx context.Context, measure time.Duration, do func(i int) error) (perSecond float64, err error) {
	for i := range photographs { // to warm up
		if err := do(i); err != nil {
			return 0, err
		}
	}
	runtime.GC()
	n, spent, began := 0, processor(os.Getpid()), time.Now()
	for ; time.Since(began) < measure; n++ {
		if err := errors.Join(ctx.Err(), do(n)); err != nil {
			return 0, err
		}
	}
	if spent = processor(os.Getpid()) - spent; spent <= 0 {
		spent = time.Since(began) // a system that does not say
	}
	return hundredths(float64(n) / spent.Seconds()), nil
}

// search fills a bank with hashes of nothing and, for each query, neighbours at every distance up to the threshold
// in turn, and one that is a bit too far; then it asks.
func (p *Pictures) search(ctx context.Context, o PicturesOptions) error {
	random := rand.New(rand.NewPCG(31, uint64(o.Hashes)))
	var bank pdq.Bank
	for i := range o.Hashes {
		bank.Put(strconv.Itoa(i), hashOf(random))
	}
	asked := make([]pdq.Hash, o.Queries)
	want := map[string]int{} // the neighbours by their id, and the query whose they are
	for i := range asked {
		asked[i] = hashOf(random)
		for near := range 3 {
			id := fmt.Sprintf("%d near %d", near, i)
			bank.Put(id, away(random, asked[i], (3*i+near)%(pdq.Threshold+1)))
			want[id] = i
		}
		bank.Put(fmt.Sprintf("beside %d", i), away(random, asked[i], pdq.Threshold+1))
	}
	p.Planted = len(want)
	for id := range want {
		if o.Hide--; o.Hide < 0 {
			break
		}
		bank.Remove(id)
	}
	debug.FreeOSMemory()
	found := map[string]bool{}
	var single, eight []time.Duration
	for i, h := range asked {
		if err := ctx.Err(); err != nil {
			return err
		}
		began := time.Now()
		hits := bank.Near(h, pdq.Threshold)
		single = append(single, time.Since(began))
		for _, hit := range hits {
			if query, planted := want[hit.ID]; planted && query == i {
				found[hit.ID] = true
			} else {
				p.Foreign++
			}
		}
		forms := pdq.Forms{h}
		for form := 1; form < len(forms); form++ {
			forms[form] = hashOf(random)
		}
		began = time.Now()
		again := bank.NearForms(forms, pdq.Threshold)
		eight = append(eight, time.Since(began))
		if len(again) != len(hits) {
			p.Foreign++
		}
	}
	p.Found = len(found)
	p.Query, p.Forms = latencyOf(single), latencyOf(eight)
	return nil
}

func hashOf(random *rand.Rand) (h pdq.Hash) {
	for i := range h {
		h[i] = uint8(random.Uint32())
	}
	return h
}

// away is a hash that differs in so many bits.
func away(random *rand.Rand, h pdq.Hash, bits int) pdq.Hash {
	for _, bit := range random.Perm(8 * len(h))[:bits] {
		h[bit/8] ^= 1 << (bit % 8)
	}
	return h
}

func (p *Pictures) print(w io.Writer) {
	fmt.Fprintf(w, "  pictures of %g megapixels, %d KB as JPEG: %.1f hashed a second of one core, %.1f decoded and hashed; the least quality %d\n",
		p.Megapixels, p.JPEGBytes/1000, p.HashedPerS, p.DecodedPerS, p.MinQuality)
	fmt.Fprintf(w, "  %d hashes searched %d times on one core for all within %d bits: of %d that were put there %d found, %d others\n",
		p.Hashes, p.Queries, pdq.Threshold, p.Planted, p.Found, p.Foreign)
	for _, l := range []struct {
		name string
		Latency
	}{{"one hash   ", p.Query}, {"eight forms", p.Forms}} {
		fmt.Fprintf(w, "  %s  p50 %6.2f  p95 %6.2f  p99 %6.2f  max %6.2f ms\n", l.name, l.P50, l.P95, l.P99, l.Max)
	}
	fmt.Fprintf(w, "  %.0f MB, %.1f s of processor; others took %.2f cores", p.RSS, p.CPU, p.Others)
	if p.Others > quietEnough {
		fmt.Fprint(w, ": not a quiet machine, the times are not the program's own")
	}
	fmt.Fprintln(w)
}
