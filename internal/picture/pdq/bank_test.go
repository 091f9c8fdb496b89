package pdq_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"vigie/internal/picture/pdq"
	"vigie/internal/picture/pdq/invented"
)

func random(r *rand.Rand) (h pdq.Hash) {
	for i := range h {
		h[i] = uint8(r.Uint32())
	}
	return h
}

// away is a hash with some of its bits turned.
func away(r *rand.Rand, h pdq.Hash, bits int) pdq.Hash {
	for _, bit := range r.Perm(256)[:bits] {
		h[bit/8] ^= 1 << (bit % 8)
	}
	return h
}

// Everything within the distance is found and nothing else, wherever it stands and wherever its bits differ.
func TestTheBankFindsAllNeighboursAndNoOther(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 256))
	for _, size := range []int{0, 1, 1023, 1024, 1025, 5000} {
		for range 20 {
			var bank pdq.Bank
			asked := random(r)
			want := []pdq.Hit{}
			for i := range size {
				id, h := fmt.Sprintf("%05d", i), random(r)
				if i == 0 || i == size-1 || r.IntN(40) == 0 {
					bits := r.IntN(40)
					if h = away(r, asked, bits); bits <= pdq.Threshold {
						want = append(want, pdq.Hit{ID: id, Distance: bits})
					}
				}
				bank.Put(id, h)
			}
			slices.SortStableFunc(want, func(a, b pdq.Hit) int { return a.Distance - b.Distance })
			if got := bank.Near(asked, pdq.Threshold); !slices.Equal(got, want) {
				t.Fatalf("of %d hashes: found %v, not %v", size, got, want)
			}
		}
	}
}

// All bits may differ, or none: the distance asked for is the one that counts.
func TestTheBankTakesAnyDistance(t *testing.T) {
	var bank pdq.Bank
	var zero, ones pdq.Hash
	for i := range ones {
		ones[i] = 255
	}
	bank.Put("zero", zero)
	bank.Put("ones", ones)
	for within, want := range map[int]int{-1: 0, 0: 1, 255: 1, 256: 2} {
		if got := bank.Near(zero, within); len(got) != want {
			t.Errorf("within %d: %v", within, got)
		}
	}
}

// A picture that was turned since is found through its forms, once, with the form that tells how.
func TestTheBankFindsAPictureThatWasTurned(t *testing.T) {
	var bank pdq.Bank
	r := rand.New(rand.NewPCG(8, 8))
	for i := range 3000 {
		bank.Put(fmt.Sprint(i), random(r))
	}
	photograph := invented.Photograph(5, 500, 333)
	hash, _ := pdq.Of(photograph)
	bank.Put("ours", hash)
	for form := range 8 {
		copied := turn(photograph, pdq.Form(form))
		forms, _ := pdq.Dihedral(copied)
		if straight := bank.Near(forms[pdq.Original], pdq.Threshold); (len(straight) == 1) != (form == 0) {
			t.Errorf("%s: without the forms it finds %v", pdq.Form(form), straight)
		}
		// What was turned one way is the original again when it is turned the other.
		back := pdq.Form(form)
		switch back {
		case pdq.Rotate90:
			back = pdq.Rotate270
		case pdq.Rotate270:
			back = pdq.Rotate90
		}
		hits := bank.NearForms(forms, pdq.Threshold)
		if len(hits) != 1 || hits[0].ID != "ours" || hits[0].Form != back {
			t.Errorf("%s: found %v", pdq.Form(form), hits)
		}
	}
}

func TestAnErasedItemIsNotFoundAgain(t *testing.T) {
	var bank pdq.Bank
	h := pdq.Hash{1}
	for _, id := range []string{"a", "b", "b", "c", "b"} {
		bank.Put(id, h)
	}
	bank.Remove("b")
	bank.Remove("nobody")
	if got := bank.Near(h, 0); len(got) != 2 || got[0].ID != "a" || got[1].ID != "c" || bank.Len() != 2 {
		t.Errorf("found %v of %d", got, bank.Len())
	}
	bank.Remove("a")
	bank.Remove("c")
	if got := bank.Near(h, 256); len(got) != 0 || bank.Len() != 0 {
		t.Errorf("found %v of %d", got, bank.Len())
	}
}

// Several ask while others put and erase: nobody misses what was there all the time.
func TestTheBankIsSearchedWhileItGrows(t *testing.T) {
	var bank pdq.Bank
	there := pdq.Hash{7}
	bank.Put("there", there)
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 1))
			for i := range 300 {
				id := fmt.Sprint(n, i)
				bank.Put(id, random(r))
				if got := bank.Near(there, 0); len(got) != 1 || got[0].ID != "there" {
					t.Errorf("found %v", got)
				}
				bank.Remove(id)
			}
		})
	}
	all.Wait()
	if got := bank.Near(there, 256); len(got) != 1 || bank.Len() != 1 {
		t.Errorf("%d hashes are left", bank.Len())
	}
}
