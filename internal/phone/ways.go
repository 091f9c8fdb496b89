package phone

import (
	"context"
	"errors"
	"slices"
	"time"

	"vigie/internal/phone/trunk"
)

// ways are the trunks by which a number may be called: those that look able to first, each group in the house's order.
// Where none may, it is the first of all, whose refusal is counted.
func (p *Phone) ways(number string) []string {
	var able, rest []string
	for _, name := range p.dialTrunks {
		switch may, now := p.trunk.MayDial(name, number); {
		case may && now:
			able = append(able, name)
		case may:
			rest = append(rest, name)
		}
	}
	if all := slices.Concat(able, rest); len(all) > 0 {
		return all
	}
	return p.dialTrunks[:min(1, len(p.dialTrunks))]
}

// dial rings a number by the first trunk that takes the call. A trunk that does not answer, cannot be reached or is out
// of order is no answer of whoever is called: the next one is tried.
func (p *Phone) dial(ctx context.Context, d trunk.Dial) (*trunk.Call, error) {
	err := errNoWay
	ways := p.ways(d.To)
	for i, name := range ways {
		d.Trunk, d.Silence = name, 0
		if i < len(ways)-1 {
			d.Silence = trunkSilence
		}
		var line *trunk.Call
		if line, err = p.trunk.Dial(ctx, d); err == nil || !ofTrunk(err) || ctx.Err() != nil {
			return line, err
		}
	}
	return nil, err
}

// trunkSilence is how long a trunk may say nothing at all while there is another to try: a trunk that lives says 100
// Trying within a fifth of a second (RFC 3261 §17.2.1).
const trunkSilence = 3 * time.Second

var errNoWay = errors.New("phone: there is no trunk to call by")

// ofTrunk says that a call failed at the trunk, before it came to whoever was called.
func ofTrunk(err error) bool {
	var refused *trunk.Failure
	if errors.As(err, &refused) {
		return refused.Status >= 500 && refused.Status < 600
	}
	return !errors.Is(err, trunk.ErrForbidden)
}

// mayCallBack says whether somebody may be called back at this number, by any of our trunks.
func (p *Phone) mayCallBack(number string) bool {
	return p.trunk != nil && slices.ContainsFunc(p.dialTrunks, func(name string) bool { return p.trunk.MayCallBack(name, number) })
}
