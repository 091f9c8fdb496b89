package routing

import (
	"cmp"
	"context"
	"slices"
	"time"

	"vigie/internal/contact"
	"vigie/internal/store"
)

// sweep sets right whatever the clock has changed and offers whoever waits to whoever is free. It
// returns when it wants to be called again although nothing happens. Every step is a conditional write,
// so that sweeps of several nodes at once do what one would have done.
//
// remind is for a sweep that nothing has asked for: what rings is announced once more, because the node
// that offered it may have died before it could, and the switches are read again.
func (r *Router) sweep(ctx context.Context, remind bool) (next time.Time, err error) {
	now := r.now()
	if r.judges().After(now.Add(r.times.Lease + ahead)) { // the clock went back
		r.giveDesksTime(now)
	}
	if err := r.ringUnseen(ctx, now); err != nil {
		return next, err
	}
	if err := r.callIfSurging(ctx, now); err != nil {
		return next, err
	}
	f, err := r.readFloor(ctx, now)
	if err != nil {
		return next, err
	}
	changed, err := r.setRight(ctx, f)
	if err != nil {
		return next, err
	}
	if changed {
		if f, err = r.readFloor(ctx, now); err != nil {
			return next, err
		}
	}
	if remind {
		if err := r.readSettings(ctx); err != nil {
			return next, err
		}
		for _, o := range f.offers {
			r.tell(o.staffID, StaffEvent{What: "offer", Contact: o.contactID})
		}
	}
	if err := r.tellOfClosing(ctx); err != nil {
		return next, err
	}
	line, err := r.readLine(ctx, f)
	if err != nil {
		return next, err
	}
	if remind || len(line.waiting) > 0 || r.crowded.Load() {
		if err := r.watchCrowd(ctx, now); err != nil {
			return next, err
		}
	}
	if err := r.offerAround(ctx, f, line); err != nil {
		return next, err
	}
	if err := r.ringIfNobody(ctx, f, line); err != nil {
		return next, err
	}
	again, err := r.forgetClosed(ctx)
	if err != nil {
		return next, err
	}
	if err := r.forgetBlocks(ctx, now); err != nil {
		return next, err
	}
	next = r.nextDeadline(f, line)
	if soon := r.now().Add(again); again > 0 && soon.Before(next) {
		next = soon
	}
	return next, nil
}

// setRight ends what is over: desks that are gone, offers that rang in vain or whose contact left. It
// says whether anything was tried, in which case the floor is read again.
func (r *Router) setRight(ctx context.Context, f floor) (changed bool, err error) {
	ms := store.Millis(f.at)
	if changed, err = r.notAhead(ctx, f); err != nil {
		return changed, err
	}
	if !f.at.Before(r.judges()) {
		gone := store.Millis(f.at.Add(-(r.times.Lost - r.times.Lease)))
		for _, s := range f.seats {
			if s.State != Away && s.LeaseUntil <= ms {
				changed = true
				if err := r.deskLost(ctx, s.StaffID, f.at); err != nil {
					return changed, err
				}
			}
			if s.LeaseUntil <= gone && s.Talking+s.Aside > 0 {
				changed = true
				if err := r.counsellorLost(ctx, s.StaffID, f.at); err != nil {
					return changed, err
				}
			}
		}
	}
	for _, o := range f.offers {
		switch {
		case !o.stands():
			changed = true
			err = r.withdraw(ctx, o, f.at)
		case o.until <= ms:
			changed = true
			var others []*Seat
			if others, err = r.others(ctx, f, o); err == nil {
				err = r.lapse(ctx, o, others, f.at)
			}
		}
		if err != nil {
			return changed, err
		}
	}
	orphans, err := store.All(ctx, r.db, func(s store.Row) (o struct {
		id    string
		until int64
	}, err error) {
		return o, s.Scan(&o.id, &o.until)
	}, selectOrphans)
	if err != nil {
		return changed, err
	}
	for _, o := range orphans {
		if within(o.until-r.times.Offer.Milliseconds(), ms, r.times.Offer) {
			continue
		}
		changed = true
		err := r.db.Tx(ctx, func(tx *store.Tx) error {
			_, err := r.contacts.Move(ctx, tx, o.id, contact.Lapse, contact.SystemActor, contact.Change{})
			return err
		})
		if ignoreLostRace(err) != nil {
			return changed, err
		}
	}
	return changed, nil
}

// notAhead shortens the leases that a clock which has gone back since would leave running for as long as it
// went: a child must not ring for an hour at an empty chair, nor a desk that is gone keep her for one.
func (r *Router) notAhead(ctx context.Context, f floor) (changed bool, err error) {
	ms := store.Millis(f.at)
	lease := ms + r.times.Lease.Milliseconds()
	for _, s := range f.seats {
		if s.LeaseUntil > lease+ahead.Milliseconds() {
			changed = true
			if _, err := r.db.Exec(ctx, shortenLease, s.StaffID, lease); err != nil {
				return changed, err
			}
		}
	}
	for _, o := range f.offers {
		until := ms + r.patience(o.kind).Milliseconds()
		if o.until > until+ahead.Milliseconds() {
			changed = true
			if _, err := r.db.Exec(ctx, `UPDATE offer SET until = $2 WHERE id = $1 AND state = 'open'`, o.id, until); err != nil {
				return changed, err
			}
		}
	}
	return changed, nil
}

// patience is how long an offer rings.
func (r *Router) patience(kind string) time.Duration {
	if kind == FromHandOver {
		return r.times.HandOver
	}
	return r.times.Offer
}

// others are the counsellors, besides the one it rings at, who could be offered this contact.
func (r *Router) others(ctx context.Context, f floor, o openOffer) ([]*Seat, error) {
	barred, err := r.contacts.Barred(ctx, r.db, o.personID)
	if err != nil {
		return nil, err
	}
	w := waiting{channel: o.channel, lang: o.lang, public: o.public, topic: o.topic, queue: o.queue}
	return suitable(f, w, ruleOf(r.catalogue(), w), func(staffID string) bool {
		return staffID == o.staffID || slices.Contains(barred, staffID)
	}), nil
}

// line is who waits, and what stands between them and a counsellor.
type line struct {
	// needs is one contact for each language and queue in which somebody waits.
	needs []waiting
	// due says that somebody is to be called now. Nobody is rung for it who is not there.
	due bool
	// waiting are the contacts to be offered that do not ring yet, in order. It is read only when somebody is free.
	waiting []waiting
	ringing int
	barred  map[[2]string]bool    // person, staff
	refused map[[2]string]refusal // contact, staff
	spared  map[[2]string]bool    // contact, staff: it goes to others first
}

// bars says who knows the person of a contact in line.
func (l line) bars(w waiting) func(staffID string) bool {
	return func(staffID string) bool { return l.barred[[2]string{w.personID, staffID}] }
}

// spares says that this contact goes to others first: she had its person's abuse last time, or asked for an hour without images.
func (l line) spares(w waiting, s *Seat) bool { return l.spared[[2]string{w.id, s.StaffID}] }

type refusal struct {
	times int
	last  int64 // when she last declined, 0 when she only did not answer
}

func (r *Router) readLine(ctx context.Context, f floor) (line, error) {
	l := line{ringing: len(f.offers), barred: map[[2]string]bool{}, refused: map[[2]string]refusal{}, spared: map[[2]string]bool{}}
	var err error
	l.needs, err = store.All(ctx, r.db, func(s store.Row) (w waiting, err error) {
		return w, s.Scan(&w.channel, &w.lang, &w.public, &w.topic, &w.queue)
	}, selectNeeds, store.Millis(f.at))
	if err != nil {
		return l, err
	}
	all := len(l.needs)
	l.needs = slices.DeleteFunc(l.needs, func(w waiting) bool { return !w.live() })
	l.due = len(l.needs) < all
	if all == 0 || !slices.ContainsFunc(f.seats, (*Seat).free) {
		return l, err
	}
	if l.waiting, err = store.All(ctx, r.db, scanWaiting, selectWaiting); err != nil {
		return l, err
	}
	l.waiting = slices.DeleteFunc(l.waiting, func(w waiting) bool {
		return !w.rings(f.at) || w.state != contact.Waiting
	})
	for i := range l.waiting {
		if l.waiting[i].due > 0 { // who calls somebody needs what who answers a call does
			l.waiting[i].channel = contact.ChannelPhone
		}
	}
	r.inLine(r.catalogue(), l.waiting, f.at)
	barred, err := store.All(ctx, r.db, scanPair, selectBarredInLine)
	if err != nil {
		return l, err
	}
	for _, p := range barred {
		l.barred[p] = true
	}
	type row struct {
		who [2]string
		refusal
	}
	refused, err := store.All(ctx, r.db, func(s store.Row) (w row, err error) {
		return w, s.Scan(&w.who[0], &w.who[1], &w.times, &w.last)
	}, selectRefusals)
	for _, w := range refused {
		l.refused[w.who] = w.refusal
	}
	if err != nil {
		return l, err
	}
	if len(l.waiting) == 0 {
		return l, nil
	}
	if l.spared, err = r.spared(ctx); err != nil {
		return l, err
	}
	eased, err := r.eased(ctx, f.at)
	if err != nil {
		return l, err
	}
	for _, w := range l.waiting {
		if len(eased) > 0 && withImages(r.catalogue(), w.topic) {
			for staffID := range eased {
				l.spared[[2]string{w.id, staffID}] = true
			}
		}
	}
	return l, nil
}

// spared is who had an abusive person of those in line before: another counsellor comes first.
func (r *Router) spared(ctx context.Context) (map[[2]string]bool, error) {
	type row struct {
		who     [2]string
		closing string
		threat  bool
	}
	before, err := store.All(ctx, r.db, func(s store.Row) (w row, err error) {
		return w, s.Scan(&w.who[0], &w.who[1], &w.closing, &w.threat)
	}, selectEndedBefore)
	if err != nil {
		return nil, err
	}
	spared, taxonomy := map[[2]string]bool{}, r.catalogue().Taxonomy
	for _, w := range before {
		if category, ok := taxonomy.ByCode(w.closing); w.threat || ok && category.CHI == abusive {
			spared[w.who] = true
		}
	}
	return spared, nil
}

// abusive is how the CHI framework calls who abuses the helpline.
const abusive = "none.abusive"

// offerAround offers the contacts in line, one after the other, each to the counsellor whose turn it is.
func (r *Router) offerAround(ctx context.Context, f floor, l line) error {
	free := make([]*Seat, 0, len(f.seats))
	for _, s := range f.seats {
		if s.free() {
			free = append(free, s)
		}
	}
	for _, w := range l.waiting {
		for len(free) > 0 {
			s := r.choose(f, l, free, w)
			if s == nil {
				free = r.keepFor(f, l, free, w)
				break
			}
			claimed, err := r.claim(ctx, s, w)
			if err != nil {
				return err
			}
			// Claimed or not, she is taken: by this contact, or by whatever came in between.
			free = slices.DeleteFunc(free, func(other *Seat) bool { return other == s })
			if claimed {
				break
			}
			if still, err := r.stillWaits(ctx, w.id); err != nil || !still {
				if err != nil {
					return err
				}
				break
			}
		}
		if len(free) == 0 {
			return nil
		}
	}
	return nil
}

// keepFor is who is free for those behind a contact that nobody could be given. A call waits for somebody who
// has nobody; where all who could take it have chats, the one with the fewest is given no more of them, so
// that her hands come free: a caller cannot be answered between two messages.
func (r *Router) keepFor(f floor, l line, free []*Seat, w waiting) []*Seat {
	if w.channel != contact.ChannelPhone {
		return free
	}
	able := suitable(f, w, ruleOf(r.catalogue(), w), l.bars(w))
	var kept *Seat
	for _, s := range free {
		if slices.Contains(able, s) && s.Talking > 0 && (kept == nil || s.Talking < kept.Talking) {
			kept = s
		}
	}
	return slices.DeleteFunc(free, func(s *Seat) bool { return s == kept })
}

func (r *Router) stillWaits(ctx context.Context, id string) (bool, error) {
	n, err := store.One(ctx, r.db, scanInt, `SELECT count(*) FROM contact WHERE id = $1 AND state = 'waiting'`, id)
	return n > 0, err
}

// choose returns the free counsellor to whom a contact is offered now, or nil when it has to wait: for
// somebody suitable, or for the one who knows its story.
func (r *Router) choose(f floor, l line, free []*Seat, w waiting) *Seat {
	ms := store.Millis(f.at)
	if s := f.bySeat[w.stickyID]; s != nil && r.waitsFor(f, l, s, w) {
		if slices.Contains(free, s) && s.roomFor(w.channel) {
			return s
		}
		if w.channel != contact.ChannelPhone { // nobody with a telephone at her ear is kept for one while another is free
			return nil
		}
	}
	all := suitable(f, w, ruleOf(r.catalogue(), w), l.bars(w))
	// Whoever had her abuse last time, or asked for an hour without images, has her only where nobody else is there, or comes free for a while.
	spare := within(w.since, ms, r.stickyFor(w)) && slices.ContainsFunc(all, func(s *Seat) bool { return !l.spares(w, s) })
	var candidates []*Seat
	for _, s := range all {
		if !slices.Contains(free, s) || !s.roomFor(w.channel) || spare && l.spares(w, s) {
			continue
		}
		if no := l.refused[[2]string{w.id, s.StaffID}]; no.last > 0 && within(no.last, ms, r.times.Rest) {
			continue
		}
		candidates = append(candidates, s)
	}
	if len(candidates) == 0 {
		return nil
	}
	// First whoever is not spared and has not let it ring in vain, then whoever has nobody, then whoever has been idle longest.
	return slices.MinFunc(candidates, func(a, b *Seat) int {
		return cmp.Or(
			falseFirst(l.spares(w, a), l.spares(w, b)),
			cmp.Compare(l.refused[[2]string{w.id, a.StaffID}].times, l.refused[[2]string{w.id, b.StaffID}].times),
			cmp.Compare(a.Talking, b.Talking),
			cmp.Compare(a.IdleSince, b.IdleSince),
			cmp.Compare(a.StaffID, b.StaffID))
	})
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// waitsFor says whether a contact still waits for the counsellor who knows its story.
func (r *Router) waitsFor(f floor, l line, s *Seat, w waiting) bool {
	if !s.onDuty() || !s.takes(w.channel) || !speaks(s.Person, w) || l.bars(w)(s.StaffID) || l.spares(w, s) {
		return false
	}
	if l.refused[[2]string{w.id, s.StaffID}].times > 0 {
		return false
	}
	return within(w.since, store.Millis(f.at), r.stickyFor(w))
}

func (r *Router) stickyFor(w waiting) time.Duration {
	if w.danger || w.grave {
		return r.times.StickyDanger
	}
	return r.times.Sticky
}

// ringIfNobody rings the supervisors when somebody waits and nobody on duty could take her; once in a
// while, and once for all nodes.
func (r *Router) ringIfNobody(ctx context.Context, f floor, l line) error {
	why := r.nobodyFor(f, l)
	if why == "" {
		return nil
	}
	now := store.Millis(f.at)
	n, err := r.db.Exec(ctx, takeTurn, "ring", now, now-r.times.Ring.Milliseconds(), now+r.times.Ring.Milliseconds())
	if err == nil && n > 0 {
		r.ringSupervisors(why, "")
	}
	return err
}

// nobodyFor says why somebody who waits cannot be answered by anybody on duty: "nobody" is there,
// "nobody_suitable" speaks her language, or all who do have "declined"; "" when somebody could.
func (r *Router) nobodyFor(f floor, l line) string {
	if len(l.needs) == 0 {
		return ""
	}
	if !slices.ContainsFunc(f.seats, func(s *Seat) bool { return s.onDuty() && s.Person.Can(answers) }) {
		return "nobody"
	}
	set := r.catalogue()
	for _, w := range l.needs {
		if len(suitable(f, w, ruleOf(set, w), func(string) bool { return false })) == 0 {
			return "nobody_suitable"
		}
	}
	for _, w := range l.waiting {
		could := suitable(f, w, ruleOf(set, w), l.bars(w))
		if len(could) == 0 {
			return "nobody_suitable"
		}
		if !slices.ContainsFunc(could, func(s *Seat) bool { return l.refused[[2]string{w.id, s.StaffID}].last == 0 }) {
			return "declined"
		}
	}
	return ""
}

// nextDeadline is when time alone changes something.
func (r *Router) nextDeadline(f floor, l line) time.Time {
	now := store.Millis(f.at)
	tick := r.times.IdleTick
	if len(l.needs)+l.ringing > 0 || l.due {
		tick = r.times.Tick
	}
	next := now + tick.Milliseconds()
	by := func(at int64) {
		if at > now && at < next {
			next = at
		}
	}
	for _, o := range f.offers {
		by(o.until)
	}
	if judges := r.judges(); judges.After(f.at) {
		by(store.Millis(judges))
	}
	for _, s := range f.seats {
		if s.State != Away {
			by(s.LeaseUntil)
		}
		if s.Talking+s.Aside > 0 {
			by(s.LeaseUntil + (r.times.Lost - r.times.Lease).Milliseconds())
		}
		if len(l.needs) > 0 {
			by(s.WrapUpUntil)
		}
	}
	for _, w := range l.waiting {
		if w.stickyID != "" || len(l.spared) > 0 {
			by(w.since + r.stickyFor(w).Milliseconds())
		}
	}
	for _, no := range l.refused {
		if no.last > 0 {
			by(no.last + r.times.Rest.Milliseconds())
		}
	}
	return store.Time(next)
}
