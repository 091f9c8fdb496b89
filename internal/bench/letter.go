package bench

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"sync/atomic"
	"time"
)

// letter is one message on its way. Times are nanoseconds since the load began; 0 is "not yet".
type letter struct {
	id           string
	conversation int32
	byStaff      bool
	// scheduled is when it was meant to be sent, whether or not the connection was free.
	scheduled atomic.Int64
	// acked is when the server said that it has it, received when the other side's page showed it.
	acked, received atomic.Int64
	// seq is the number under which it was first seen, in an answer or on a page.
	seq atomic.Int64
	// doubled says that it was seen under another number too.
	doubled atomic.Bool
	refused atomic.Bool
}

// sees notes a number under which the letter was shown.
func (l *letter) sees(seq int64) {
	if seq != 0 && !l.seq.CompareAndSwap(0, seq) && l.seq.Load() != seq {
		l.doubled.Store(true)
	}
}

// Ids are UUIDv7 as a browser would make them, whose last six bytes say which kind of thing it is, of
// which run, and its index, so that a page that shows one tells us which it was.
const (
	letterMark  = 0x1e77
	contactMark = 0xc017
)

// newID makes the id of the index-th letter or contact.
func newID(mark uint16, index uint32) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(time.Now().UnixMilli())<<16)
	b[6] = 0x70 | byte(index>>8)&0x0f
	b[7] = byte(index)
	b[8], b[9] = 0x80, byte(index>>16)
	binary.BigEndian.PutUint16(b[10:], mark)
	binary.BigEndian.PutUint32(b[12:], index)
	text := make([]byte, 36)
	hex.Encode(text, b[:4])
	text[8] = '-'
	hex.Encode(text[9:], b[4:6])
	text[13] = '-'
	hex.Encode(text[14:], b[6:8])
	text[18] = '-'
	hex.Encode(text[19:], b[8:10])
	text[23] = '-'
	hex.Encode(text[24:], b[10:])
	return string(text)
}

// indexOf reads the index out of an id that newID made with this mark.
func indexOf(mark uint16, id []byte) (uint32, bool) {
	if len(id) != 36 {
		return 0, false
	}
	var b [6]byte
	if _, err := hex.Decode(b[:], id[24:]); err != nil || binary.BigEndian.Uint16(b[:]) != mark {
		return 0, false
	}
	return binary.BigEndian.Uint32(b[2:]), true
}

// What is written: a sentence of an ordinary length that alarms nobody, and the letter's own id, by
// which it is recognised where it is read.
const (
	herWords   = "Je ne sais pas trop comment en parler, mais depuis hier il y a ce groupe de la classe."
	theirWords = "Merci de me le dire. Prends ton temps, je suis là et je te lis."
)

func words(id string, byStaff bool) string {
	if byStaff {
		return theirWords + " " + id
	}
	return herWords + " " + id
}

// readable says whether a body that was read back is what was written under this id.
func readable(id, body string, byStaff bool) bool { return body == words(id, byStaff) }

// letters numbers what is written, without a lock on the way of a message.
type letters struct {
	next   atomic.Uint32
	chunks [1 << 13]atomic.Pointer[[chunk]letter]
}

const chunk = 1 << 12

func (s *letters) add(conversation int32, byStaff bool, scheduled time.Duration) (index uint32, l *letter) {
	index = s.next.Add(1) - 1
	slot := &s.chunks[index/chunk]
	for slot.Load() == nil {
		slot.CompareAndSwap(nil, new([chunk]letter))
	}
	l = &slot.Load()[index%chunk]
	l.conversation, l.byStaff = conversation, byStaff
	l.scheduled.Store(int64(max(scheduled, 1)))
	return index, l
}

func (s *letters) at(index uint32) *letter {
	if index >= s.next.Load() {
		return nil
	}
	if c := s.chunks[index/chunk].Load(); c != nil {
		return &c[index%chunk]
	}
	return nil
}

// each calls fn for every letter written so far.
func (s *letters) each(fn func(index uint32, l *letter)) {
	for i := range s.next.Load() {
		fn(i, s.at(i))
	}
}

var (
	bubbleMark = []byte(`id="m-`)
	seqMark    = []byte(`data-seq="`)
)

// bubbles calls fn for each message that a piece of a page shows: its index, its number, and whether its
// own words are in it.
func bubbles(html []byte, fn func(index uint32, seq int64, whole bool)) {
	for {
		at := bytes.Index(html, bubbleMark)
		if at < 0 {
			return
		}
		html = html[at+len(bubbleMark):]
		if len(html) < 36 {
			return
		}
		id := html[:36]
		html = html[36:]
		index, ours := indexOf(letterMark, id)
		if !ours {
			continue
		}
		own := html
		if next := bytes.Index(html, bubbleMark); next >= 0 {
			own = html[:next]
		}
		fn(index, numberAfter(own, seqMark), bytes.Contains(own, id))
	}
}

// numberAfter reads the number that follows a mark, 0 when there is none.
func numberAfter(b, mark []byte) (n int64) {
	at := bytes.Index(b, mark)
	if at < 0 {
		return 0
	}
	for _, c := range b[at+len(mark):] {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// form writes a form of pairs of plain names and values.
func form(b []byte, pairs ...string) []byte {
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, pairs[i]...)
		b = append(b, '=')
		b = escape(b, pairs[i+1])
	}
	return b
}

const unescaped = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*"

func escape(b []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c == ' ':
			b = append(b, '+')
		case strings.IndexByte(unescaped, c) >= 0:
			b = append(b, c)
		default:
			b = append(b, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
	}
	return b
}
