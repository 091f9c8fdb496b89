package audio

// knee is where the limiter of Mix begins to bend: -2.5 dB of full scale.
const knee = 24576

// Mix writes the sum of srcs into dst. A src that is shorter than dst is silent after its end; dst may be one
// of them. As long as the sum is not loud it is the plain sum. Louder, it is bent smoothly towards full scale
// and never cut off; but never under the loudest of those who speak, so that one voice among silent ones
// comes through exactly. It keeps nothing from one frame to the next and does not allocate.
func Mix(dst []int16, srcs ...[]int16) {
	for len(dst) > 0 {
		n := min(len(dst), Frame)
		mix(dst[:n], srcs)
		if dst = dst[n:]; len(dst) == 0 {
			return
		}
		// Only sound longer than a frame comes here.
		rest := make([][]int16, len(srcs))
		for i, src := range srcs {
			rest[i] = src[min(n, len(src)):]
		}
		srcs = rest
	}
}

// mix takes up to a frame.
func mix(dst []int16, srcs [][]int16) {
	switch len(srcs) {
	case 0:
		clear(dst)
		return
	case 1:
		clear(dst[copy(dst, srcs[0]):])
		return
	}
	var sums [Frame]int32
	for _, src := range srcs {
		for i, s := range src[:min(len(src), len(dst))] {
			sums[i] += int32(s)
		}
	}
	loud := int32(0)
	for _, s := range sums[:len(dst)] {
		// The bits above those of the knee, of either sign.
		loud |= (s ^ s>>31)
	}
	if loud < knee {
		for i := range dst {
			dst[i] = int16(sums[i])
		}
		return
	}
	var alone [Frame]int32 // the loudest single sample at each place
	for _, src := range srcs {
		for i, s := range src[:min(len(src), len(dst))] {
			alone[i] = max(alone[i], int32(s), -int32(s))
		}
	}
	for i := range dst {
		dst[i] = limit(sums[i], max(knee, alone[i]))
	}
}

// limit leaves a sum as it is up to from; what is beyond is bent so that it nears full scale and does not
// reach it, beginning without a corner.
func limit(sum, from int32) int16 {
	size := max(sum, -sum)
	if size <= from {
		return int16(sum)
	}
	room, over := int64(full-from), int64(size-from)
	if room > 0 {
		size = from + int32(room*over/(room+over))
	} else {
		size = full
	}
	if sum < 0 {
		return int16(-size)
	}
	return int16(size)
}
