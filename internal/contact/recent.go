package contact

import "sync"

// recent remembers what was used lately, bounded: when the newer half is full the older half is
// forgotten. What is in it can always be read again from the record.
type recent[K comparable, V any] struct {
	mu    sync.Mutex
	half  int
	newer map[K]V
	older map[K]V
}

func newRecent[K comparable, V any](size int) *recent[K, V] {
	return &recent[K, V]{half: max(size/2, 1), newer: map[K]V{}}
}

func (r *recent[K, V]) get(k K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.newer[k]; ok {
		return v, true
	}
	v, ok := r.older[k]
	if ok {
		r.set(k, v)
	}
	return v, ok
}

func (r *recent[K, V]) put(k K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set(k, v)
}

func (r *recent[K, V]) set(k K, v V) {
	if _, there := r.newer[k]; !there && len(r.newer) >= r.half {
		r.older, r.newer = r.newer, make(map[K]V, r.half/4)
	}
	r.newer[k] = v
}

func (r *recent[K, V]) drop(k K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.newer, k)
	delete(r.older, k)
}
