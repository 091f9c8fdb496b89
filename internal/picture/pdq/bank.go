package pdq

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"
)

// Bank is hashes that are searched for their neighbours, in memory. It is one slice that is read from end to end:
// a million hashes are 32 MB and take a few milliseconds on one core (docs/BENCH.md), which is less than a page,
// and there is no index that could be wrong. The zero Bank is empty and ready; it may be used by several at once.
type Bank struct {
	mu     sync.RWMutex
	hashes [][4]uint64
	ids    []string // of the items, beside hashes
}

// Hit is a hash of the bank that is near the one that was asked for.
type Hit struct {
	ID string
	// Distance is in bits.
	Distance int
	// Form is which form of the picture that was asked for is this near; Original where only one was asked for.
	Form Form
}

// Put adds the hash of an item. An item may have several: the pictures of a film, say. Whether a hash is good
// enough to be found by (MinQuality) is known where its quality is.
func (b *Bank) Put(id string, h Hash) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hashes = append(b.hashes, h.words())
	b.ids = append(b.ids, id)
}

// Remove forgets all hashes of an item: it was erased.
func (b *Bank) Remove(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.ids) - 1; i >= 0; i-- {
		if b.ids[i] != id {
			continue
		}
		last := len(b.ids) - 1
		b.hashes[i], b.ids[i] = b.hashes[last], b.ids[last]
		b.hashes[last], b.ids[last] = [4]uint64{}, ""
		b.hashes, b.ids = b.hashes[:last], b.ids[:last]
	}
}

// Len is the number of hashes.
func (b *Bank) Len() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.hashes)
}

// Near is all hashes that differ from h by `within` bits or fewer, the nearest first; those equally near by id.
func (b *Bank) Near(h Hash, within int) []Hit {
	return b.near([]Hash{h}, within)
}

// NearForms is the same for a picture that may have been turned or mirrored since: each hash that is near one of
// its forms, once, with the form that is nearest.
func (b *Bank) NearForms(forms Forms, within int) []Hit {
	return b.near(forms[:], within)
}

// block is how many hashes are looked at with each form before the next ones are read: 32 KB, which stay in a
// core's own cache meanwhile.
const block = 1024

func (b *Bank) near(forms []Hash, within int) []Hit {
	b.mu.RLock()
	defer b.mu.RUnlock()
	nearest := map[int]Hit{} // by place
	for from := 0; from < len(b.hashes); from += block {
		some := b.hashes[from:min(from+block, len(b.hashes))]
		for form, h := range forms {
			scan(some, h.words(), within, func(i, distance int) {
				if hit, there := nearest[from+i]; !there || distance < hit.Distance {
					nearest[from+i] = Hit{ID: b.ids[from+i], Distance: distance, Form: Form(form)}
				}
			})
		}
	}
	hits := make([]Hit, 0, len(nearest))
	for _, hit := range nearest {
		hits = append(hits, hit)
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Form, b.Form))
	})
	return hits
}

// scan reports the hashes that are near. Half of the bits tell for nearly all of them that they are not: of
// hashes that have nothing to do with each other they differ in about 64.
func scan(hashes [][4]uint64, h [4]uint64, within int, near func(i, distance int)) {
	for i := range hashes {
		other := &hashes[i]
		distance := bits.OnesCount64(other[0]^h[0]) + bits.OnesCount64(other[1]^h[1])
		if distance > within {
			continue
		}
		distance += bits.OnesCount64(other[2]^h[2]) + bits.OnesCount64(other[3]^h[3])
		if distance <= within {
			near(i, distance)
		}
	}
}
