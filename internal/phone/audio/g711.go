package audio

// The tables of G.711, worked out once: a byte of either law as a sample, a sample as a byte of either
// law, and each law as the other. µ-law has 14 bits of a 16-bit sample and A-law 12, so that the tables
// of encoding are as short as that and stay in the processor's nearest cache.
var (
	muLinear [256]int16
	aLinear  [256]int16
	linearMu [1 << 14]byte
	linearA  [1 << 12]byte
	muToA    [256]byte
	aToMu    [256]byte
)

func init() {
	for b := range 256 {
		muLinear[b] = muExpand(byte(b))
		aLinear[b] = aExpand(byte(b))
	}
	for i := range linearMu {
		linearMu[i] = muCompress(int16(uint16(i) << 2))
	}
	for i := range linearA {
		linearA[i] = aCompress(int16(uint16(i) << 4))
	}
	for b := range 256 {
		// Both tables are written for positive bytes with every bit the right way up, and both laws keep the
		// sign in the first bit.
		sign := byte(b) & 0x80
		muToA[b] = (aOfMu[(^byte(b))&0x7F] - 1) ^ 0x55 | 0x80
		aToMu[b] = ^muOfA[(byte(b)^0x55)&0x7F] | 0x80
		if sign == 0 {
			muToA[b] &^= 0x80
			aToMu[b] &^= 0x80
		}
	}
}

// Decode writes the samples of src, one a byte, into dst and says how many: as many as the shorter of the
// two holds. Of a codec that is not G.711 it reads nothing.
func (c Codec) Decode(dst []int16, src []byte) int {
	n := min(len(dst), len(src))
	var table *[256]int16
	switch c {
	case PCMU:
		table = &muLinear
	case PCMA:
		table = &aLinear
	default:
		return 0
	}
	dst = dst[:n]
	for i, b := range src[:n] {
		dst[i] = table[b]
	}
	return n
}

// Encode writes the bytes of src, one a sample, into dst and says how many: as many as the shorter of the
// two holds. Of a codec that is not G.711 it makes nothing.
func (c Codec) Encode(dst []byte, src []int16) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	switch c {
	case PCMU:
		for i, s := range src {
			dst[i] = linearMu[uint16(s)>>2]
		}
	case PCMA:
		for i, s := range src {
			dst[i] = linearA[uint16(s)>>4]
		}
	default:
		return 0
	}
	return n
}

// Transcode writes src, spoken in from, into dst as to says it, and says how many bytes: as many as the
// shorter of the two holds. Between the two laws it follows the tables 3 and 4 of G.711, by which a voice
// that crosses over and comes back is hardly changed; dst may be src. Of codecs that are not G.711 it
// makes nothing, unless both are the same.
func Transcode(dst, src []byte, from, to Codec) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	var table *[256]byte
	switch {
	case from == to:
		return copy(dst, src)
	case from == PCMU && to == PCMA:
		table = &muToA
	case from == PCMA && to == PCMU:
		table = &aToMu
	default:
		return 0
	}
	for i, b := range src {
		dst[i] = table[b]
	}
	return n
}

// Silence is the byte that says nothing: the smallest positive value of the law (0 of µ-law, 8 of A-law,
// which has no 0).
func (c Codec) Silence() byte {
	if c == PCMA {
		return 0xD5
	}
	return 0xFF
}

// muExpand reads a byte of µ-law (G.711 table 2): its bits are turned over, then a sign, three bits of
// segment and four of step, on a bias of 33 of 14 bits.
func muExpand(b byte) int16 {
	turned := ^b
	segment := turned >> 4 & 7
	v := (int16(turned&0x0F)<<3+0x84)<<segment - 0x84
	if turned&0x80 != 0 {
		return -v
	}
	return v
}

// muCompress makes a byte of µ-law (G.711 table 2); what is louder than its last step becomes that.
func muCompress(s int16) byte {
	sign := byte(0x80)
	if s < 0 {
		// Not -s: each step of one sign is the mirror of the other, and -32768 has no mirror.
		s, sign = ^s, 0
	}
	v := min(s>>2+33, 0x1FFF)
	segment := byte(0)
	for high := v >> 6; high != 0; high >>= 1 {
		segment++
	}
	step := byte(v>>(segment+1)) & 0x0F
	return sign | (^(segment<<4 | step) & 0x7F)
}

// aExpand reads a byte of A-law (G.711 table 1): every other bit is turned over; a sign, three bits of
// segment, four of step.
func aExpand(b byte) int16 {
	turned := b ^ 0x55
	segment := turned >> 4 & 7
	v := int16(turned&0x0F)<<4 + 8
	if segment > 0 {
		v = (v + 0x100) << (segment - 1)
	}
	if turned&0x80 == 0 {
		return -v
	}
	return v
}

// aCompress makes a byte of A-law (G.711 table 1).
func aCompress(s int16) byte {
	sign := byte(0x80)
	if s < 0 {
		s, sign = ^s, 0
	}
	v := s >> 4
	segment := byte(0)
	if v > 15 {
		segment = 1
		for ; v > 31; v >>= 1 {
			segment++
		}
	}
	return (sign | segment<<4 | byte(v&0x0F)) ^ 0x55
}

// aOfMu is G.711 table 3: the A-law value (counted from 1) of each positive value of µ-law (counted from
// 0), the quietest first. It is not the nearest one throughout: where two are about as near, tables 3 and 4
// take those that find back to one another.
var aOfMu = [128]byte{
	1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8,
	9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
	25, 27, 29, 31, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44,
	46, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79,
	80, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96,
	97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112,
	113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128,
}

// muOfA is G.711 table 4: the µ-law value (counted from 0) of each positive value of A-law, the quietest
// first.
var muOfA = [128]byte{
	1, 3, 5, 7, 9, 11, 13, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	24, 25, 26, 27, 28, 29, 30, 31, 32, 32, 33, 33, 34, 34, 35, 35,
	36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 48, 49, 49,
	50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 64,
	65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80,
	80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95,
	96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111,
	112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127,
}
