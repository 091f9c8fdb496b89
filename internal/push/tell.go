package push

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/store"
)

// livesFor is how long a push service keeps what it cannot deliver yet (TTL, RFC 8030 §5.2): a telephone that is off until tomorrow.
const livesFor = 24 * time.Hour

type telling struct{ Subscription jobs.ID }

// deliver is the job: an empty request. A browser that is no longer there is forgotten; a service that is busy is asked again, when it says.
func (p *Push) deliver(ctx context.Context, job jobs.Job[telling]) error {
	id := string(job.Args.Subscription)
	t, err := store.One(ctx, p.o.DB, scanTold, selectTold, id)
	if lost(err) {
		return nil
	}
	if err != nil {
		return err
	}
	ct, err := p.o.Contacts.Get(ctx, t.contactID)
	if lost(err) {
		return nil
	}
	if err != nil {
		return err
	}
	letter := ct.Channel == contact.ChannelMessage
	late := p.o.Now().Sub(store.Time(t.at)) > livesFor
	if !t.lies || late || !ct.State.Open() && !letter {
		return p.ended(ctx, id, letter)
	}
	key, err := p.o.Contacts.Key(ctx, t.contactID)
	if lost(err) {
		return nil
	}
	if err != nil {
		return err
	}
	endpoint, err := key.OpenText(endpointField(id), t.endpoint)
	if err != nil {
		return jobs.GiveUp(err)
	}
	status, again, err := p.post(ctx, endpoint)
	switch {
	case err != nil:
		return err
	case status >= 200 && status < 300:
		return p.ended(ctx, id, letter)
	case status == http.StatusNotFound, status == http.StatusGone:
		return p.ended(ctx, id, true)
	case status == http.StatusTooManyRequests, status >= 500:
		if again > 0 {
			return jobs.Again(p.o.Now().Add(again))
		}
		return fault.New(fault.Unavailable, "fault.push.service")
	}
	// It understood us, and wants nothing of it: the key, or the address, is not what it knows.
	if err := p.ended(ctx, id, true); err != nil {
		return err
	}
	return jobs.GiveUp(fault.New(fault.Invalid, "fault.push.refused"))
}

// ended forgets a subscription whose wait is over.
func (p *Push) ended(ctx context.Context, id string, over bool) error {
	if !over {
		return nil
	}
	_, err := p.o.DB.Exec(ctx, `DELETE FROM push_subscription WHERE id = $1`, id)
	return err
}

// longestAgain bounds what a service may have us wait.
const longestAgain = time.Hour

// post sends the empty request. Its error names no address: a failure is a code.
func (p *Push) post(ctx context.Context, endpoint string) (status int, again time.Duration, err error) {
	u, err := p.place(endpoint)
	if err != nil {
		return 0, 0, jobs.GiveUp(err) // the services that may be asked are others now
	}
	signed, err := p.authorization(u, p.o.Now())
	if err != nil {
		return 0, 0, jobs.GiveUp(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), nil)
	if err != nil {
		return 0, 0, jobs.GiveUp(fault.New(fault.Invalid, "fault.push.endpoint"))
	}
	r.Header.Set("Authorization", signed)
	r.Header.Set("TTL", strconv.Itoa(int(livesFor.Seconds())))
	r.Header.Set("Urgency", "high") // or a telephone that sleeps is told in the morning
	r.Header.Set("Topic", "1")      // a second one takes the place of the first, where that waits still (RFC 8030 §5.4)
	answer, err := p.o.Carrier.Do(r)
	if err != nil {
		return 0, 0, fault.Wrap(err, fault.Unavailable, "fault.push.service")
	}
	defer answer.Body.Close()
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		again = min(time.Duration(seconds)*time.Second, longestAgain)
	}
	return answer.StatusCode, again, nil
}
