package media

import (
	"sync"
	"time"

	"vigie/internal/phone/audio"
)

// Player is a leg that only speaks: music that goes on, and what is said over it. What it plays is made ready
// once for all who hear the same, so that a thousand callers who wait cost their packets and no more.
//
// The music goes on for as long as Loop says. A piece that is played stops it where it is, and it goes on
// from there afterwards.
type Player struct {
	id    string
	codec audio.Codec
	beat  *beat

	mu        sync.Mutex
	closed    bool
	say       func(*Packet)
	music     []byte
	musicAt   int
	pieces    []*Piece
	sequence  uint16
	timestamp uint32
	stream    uint32
	pause     bool // nothing was played before this
	packet    Packet
	frame     [audio.Frame]byte
}

// Piece is something that is played once, from its first clip to its last.
type Piece struct {
	player *Player
	clips  [][]byte
	at     int
	done   chan struct{}
	whole  bool
}

// NewPlayer is a player that plays nothing yet. codec is the one of G.711 in which it is heard most cheaply:
// that of the line it plays to. Every other line hears it as well.
func NewPlayer(id string, codec audio.Codec) *Player {
	if !codec.Law() {
		codec = audio.PCMA
	}
	return &Player{id: id, codec: codec, beat: theClock.next(), pause: true}
}

// Loop plays a clip again and again; nil or an empty one ends it. The same clip goes on where it is.
func (p *Player) Loop(clip *audio.Clip) {
	var music []byte
	if clip != nil {
		music = clip.Encoded(p.codec)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(music) == 0 || len(p.music) != len(music) || &music[0] != &p.music[0] {
		p.music, p.musicAt = music, 0
	}
	p.wake()
}

// Play plays these clips one after the other, after those that were asked for before. Until the player is in
// a room it waits.
func (p *Player) Play(clips ...*audio.Clip) *Piece {
	piece := &Piece{player: p, done: make(chan struct{})}
	for _, clip := range clips {
		if clip == nil {
			continue
		}
		if b := clip.Encoded(p.codec); len(b) > 0 {
			piece.clips = append(piece.clips, b)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		close(piece.done)
	case len(piece.clips) == 0:
		piece.whole = true
		close(piece.done)
	default:
		p.pieces = append(p.pieces, piece)
		p.wake()
	}
	return piece
}

// Stop ends everything that is played, and the music.
func (p *Player) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop()
}

func (p *Player) stop() {
	for _, piece := range p.pieces {
		close(piece.done)
	}
	p.pieces, p.music = nil, nil
}

// Done is closed when the piece is over, or was stopped.
func (p *Piece) Done() <-chan struct{} { return p.done }

// Whole says, once it is over, whether it was played to its end.
func (p *Piece) Whole() bool {
	p.player.mu.Lock()
	defer p.player.mu.Unlock()
	return p.whole
}

// Stop ends this piece; what comes after it is played, or the music goes on.
func (p *Piece) Stop() {
	p.player.mu.Lock()
	defer p.player.mu.Unlock()
	for i, o := range p.player.pieces {
		if o == p {
			p.player.pieces = append(p.player.pieces[:i:i], p.player.pieces[i+1:]...)
			close(p.done)
			return
		}
	}
}

// wake follows the beat while there is something to play to somebody. Called with mu held.
func (p *Player) wake() {
	if p.say != nil && !p.closed && (len(p.pieces) > 0 || len(p.music) > 0) {
		p.beat.add(p)
	}
}

// tick says the next 20 ms.
func (p *Player) tick(now time.Time, missed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.say == nil || len(p.pieces) == 0 && len(p.music) == 0 {
		p.pause = true
		p.beat.remove(p)
		return
	}
	p.timestamp += uint32(audio.Frame * (1 + missed))
	p.sequence++
	if p.pause {
		// Its own time stood still: to those who hear it, it is somebody who begins to speak.
		p.stream++
	}
	p.packet = Packet{
		Codec: p.codec, Payload: p.next(), Stream: p.stream, Sequence: p.sequence, Timestamp: p.timestamp,
		Marker: p.pause || missed > 0, At: now,
	}
	p.pause = false
	p.say(&p.packet)
}

// next is the following 20 ms of what is played: a piece of its clip as it is, or, where one ends and another
// begins, put together. Called with mu held, while there is something.
func (p *Player) next() []byte {
	if whole := p.whole(); whole != nil {
		return whole
	}
	filled := 0
	for filled < len(p.frame) {
		switch {
		case len(p.pieces) > 0:
			piece := p.pieces[0]
			n := copy(p.frame[filled:], piece.clips[0][piece.at:])
			filled += n
			p.advance(n)
		case len(p.music) > 0:
			n := copy(p.frame[filled:], p.music[p.musicAt:])
			filled += n
			p.musicAt = (p.musicAt + n) % len(p.music)
		default:
			p.frame[filled] = p.codec.Silence()
			filled++
		}
	}
	return p.frame[:]
}

// whole is the next 20 ms when all of it is in one clip, or nil.
func (p *Player) whole() []byte {
	if len(p.pieces) > 0 {
		piece := p.pieces[0]
		if clip := piece.clips[0]; piece.at+audio.Frame <= len(clip) {
			b := clip[piece.at : piece.at+audio.Frame]
			p.advance(audio.Frame)
			return b
		}
		return nil
	}
	if p.musicAt+audio.Frame <= len(p.music) {
		b := p.music[p.musicAt : p.musicAt+audio.Frame]
		p.musicAt = (p.musicAt + audio.Frame) % len(p.music)
		return b
	}
	return nil
}

// advance moves on in the piece that is played, and ends it where it ends.
func (p *Player) advance(n int) {
	piece := p.pieces[0]
	piece.at += n
	if piece.at < len(piece.clips[0]) {
		return
	}
	piece.clips, piece.at = piece.clips[1:], 0
	if len(piece.clips) == 0 {
		p.pieces = p.pieces[1:]
		piece.whole = true
		close(piece.done)
	}
}

// ID is the leg's id.
func (p *Player) ID() string { return p.id }

// Speaks gives the player the ear of its room, where it begins to play.
func (p *Player) Speaks(out func(*Packet)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.say = out
	p.wake()
}

// Hears is nothing to a player.
func (p *Player) Hears([]string) {}

// Hear is nothing to a player.
func (p *Player) Hear(string, *Packet) {}

// Quality of a player is not known.
func (p *Player) Quality() Quality { return Quality{} }

// Close stops everything.
func (p *Player) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop()
	p.say, p.closed = nil, true
	return nil
}
