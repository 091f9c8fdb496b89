package referral_test

import (
	"slices"
	"testing"
	"time"

	"vigie/internal/referral"
)

// What became of referrals is told by partner: sent, chased and confirmed, called before, or decided not to be made.
func TestFigures(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.File(claire)
		r := w.decided(file)
		r, err := w.Send(w.Ctx, r.ID, r.Rev, referral.Delivery{Channel: "call", To: "Mme Roux"}, claire)
		w.Must(err)
		w.Forward(25 * time.Hour)
		r, err = w.Chase(w.Ctx, r.ID, r.Rev, claire)
		w.Must(err)
		_, err = w.Acknowledge(w.Ctx, r.ID, r.Rev, "Mme Roux", "119-4471", claire)
		w.Must(err)
		called := w.draft(file, "police", referral.Paper{})
		_, err = w.Called(w.Ctx, called.ID, called.Rev, referral.Call{Number: "17", Who: "CIC de Nantes"}, claire)
		w.Must(err)
		not := w.draft(file, "119", referral.Paper{Ground: "Sa tante l'a déjà fait."})
		_, err = w.Decline(w.Ctx, not.ID, not.Rev, claire)
		w.Must(err)
		from := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
		got, err := w.Figures(w.Ctx, from, from.AddDate(0, 0, 7))
		w.Must(err)
		want := []referral.Counted{{Partner: "119", Made: 2, Sent: 1, Acknowledged: 1, Chased: 1, Declined: 1}, {Partner: "police", Made: 1, Called: 1}}
		if !slices.Equal(got, want) {
			t.Errorf("counted %+v, want %+v", got, want)
		}
		if got, err := w.Figures(w.Ctx, from.AddDate(0, 0, 7), from.AddDate(0, 0, 14)); err != nil || len(got) != 0 {
			t.Errorf("counted in another week: %+v, %v", got, err)
		}
	})
}
