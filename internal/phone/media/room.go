// Package media is the sound of calls: the lines by which it comes and goes, and the rooms in which those
// who take part in a call meet.
//
// A room is a matrix of who hears whom. Everything that happens to a call — waiting with music, talking,
// being on hold, a supervisor who listens or whispers, a conference — is one setting of it; the sound
// itself is handed from leg to leg as it comes, untouched. Towards a browser each speaker has a track of
// its own, so that nothing is ever mixed there; towards a telephone a single voice is passed through, and
// only two or more are mixed.
package media
