package media

// window remembers which of the last 64 sequence numbers were there, over the wrap-around: what comes twice
// is known, and what is too old to tell counts as known.
type window struct {
	top  uint16
	seen uint64
	open bool
}

// first says whether this number is there for the first time, and remembers it.
func (w *window) first(sequence uint16) bool {
	if !w.open {
		*w = window{top: sequence, seen: 1, open: true}
		return true
	}
	step := int16(sequence - w.top)
	if step > 0 {
		w.seen = w.seen<<uint(step) | 1 // a shift of 64 and more leaves nothing, as it should
		w.top = sequence
		return true
	}
	back := uint(-int(step))
	if back >= 64 || w.seen>>back&1 == 1 {
		return false
	}
	w.seen |= 1 << back
	return true
}
