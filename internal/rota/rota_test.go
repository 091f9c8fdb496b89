package rota_test

import (
	"testing"
	"time"

	"vigie/internal/rota"
	"vigie/internal/store"
)

// A shift is planned as a draft that its person does not see, published, and seen.
func TestAShiftIsPlannedPublishedAndSeen(t *testing.T) {
	onEach(t, func(w *world) {
		s := w.draft(claire, "2026-11-28", 9, 17)
		for _, drafts := range []bool{false, true} {
			all, err := w.Between(w.Ctx, "2026-11-28", "2026-11-28", drafts)
			w.Must(err)
			if (len(all) == 1) != drafts {
				t.Errorf("with drafts %v: %d shifts", drafts, len(all))
			}
		}
		n, err := w.Publish(w.Ctx, "2026-11-23", "2026-11-29", nadia)
		w.Must(err)
		hers, err := w.Of(w.Ctx, claire.ID, start, start.Add(24*time.Hour))
		w.Must(err)
		if n != 1 || len(hers) != 1 || hers[0].ID != s.ID {
			t.Fatalf("published %d, she has %v", n, hers)
		}
		on, err := w.On(w.Ctx, start)
		w.Must(err)
		if len(on) != 1 || on[0].StaffID != claire.ID {
			t.Errorf("on now: %v", on)
		}
	})
}

// Nobody is in two places at once, also when two supervisors plan at the same moment; over midnight too.
func TestAnOverlapIsRefused(t *testing.T) {
	onEach(t, func(w *world) {
		w.planned(claire, "2026-11-28", 21, 30) // to six in the morning
		w.Refused(w.Plan(w.Ctx, rota.Shift{ID: store.NewID(), StaffID: claire.ID, Day: "2026-11-29", From: 5 * 60, To: 12 * 60, Post: rota.Chat}, nadia), "fault.rota.overlap")
		w.draft(claire, "2026-11-29", 6, 12) // begins as the other ends
		w.draft(karim, "2026-11-28", 21, 30)
		errs := make(chan error, 2)
		for _, node := range []*rota.Rota{w.Rota, w.node(false)} {
			go func() {
				errs <- node.Plan(w.Ctx, rota.Shift{ID: store.NewID(), StaffID: nadia.ID, Day: "2026-11-29", From: 9 * 60, To: 17 * 60, Post: rota.Supervisor}, nadia)
			}()
		}
		if a, b := <-errs, <-errs; (a == nil) == (b == nil) {
			t.Errorf("of two at once: %v, %v", a, b)
		}
	})
}

// A post that is a supervisor's is not planned for a counsellor, and no shift is longer than a long day.
func TestWhatCannotBePlanned(t *testing.T) {
	onEach(t, func(w *world) {
		plan := func(s rota.Shift) error {
			s.ID, s.StaffID = store.NewID(), claire.ID
			return w.Plan(w.Ctx, s, nadia)
		}
		w.Refused(plan(rota.Shift{Day: "2026-11-28", From: 0, To: 60, Post: rota.Supervisor}), "fault.rota.person")
		w.Refused(plan(rota.Shift{Day: "2026-11-28", From: 0, To: 17 * 60, Post: rota.Chat}), "fault.rota.times")
		w.Refused(plan(rota.Shift{Day: "28/11/2026", From: 0, To: 60, Post: rota.Chat}), "fault.rota.day")
		w.Refused(plan(rota.Shift{Day: "2026-11-28", From: 0, To: 60, Post: "boss"}), "fault.rota.post")
	})
}

// A shift is hours of the wall clock: over the night on which the clocks go back it lasts an hour longer.
func TestAShiftOverTheNightOfTheClocks(t *testing.T) {
	onEach(t, func(w *world) {
		for day, hours := range map[string]int64{"2026-10-24": 10, "2026-03-28": 8, "2026-11-28": 9} {
			s := w.planned(nadia, day, 23, 32)
			if got := (s.ToAt - s.FromAt) / time.Hour.Milliseconds(); got != hours {
				t.Errorf("the night from %s lasts %d hours, want %d", day, got, hours)
			}
		}
	})
}

// What law bounds is said: rest between days, hours in a week, days in a row, and days on which she cannot; being on call is no work.
func TestWhatLawBoundsIsSaid(t *testing.T) {
	onEach(t, func(w *world) {
		w.draft(claire, "2026-11-23", 15, 23)
		w.draft(claire, "2026-11-24", 9, 12) // ten hours later
		w.draft(claire, "2026-11-24", 14, 18)
		for day := 25; day <= 29; day++ {
			w.draft(claire, "2026-11-"+string(rune('0'+day/10))+string(rune('0'+day%10)), 9, 17)
		}
		w.Must(w.Absent(w.Ctx, rota.Absence{ID: store.NewID(), StaffID: karim.ID, First: "2026-11-24", Last: "2026-11-26"}, karim))
		w.draft(karim, "2026-11-23", 20, 26) // ends on the first of them
		w.Must(w.Plan(w.Ctx, rota.Shift{ID: store.NewID(), StaffID: nadia.ID, Day: "2026-11-23", From: 23 * 60, To: 33 * 60, Post: rota.OnCall}, nadia))
		w.Must(w.Plan(w.Ctx, rota.Shift{ID: store.NewID(), StaffID: nadia.ID, Day: "2026-11-24", From: 9 * 60, To: 17 * 60, Post: rota.Supervisor}, nadia))
		shifts, err := w.Between(w.Ctx, "2026-11-23", "2026-11-29", true)
		w.Must(err)
		absences, err := w.Absences(w.Ctx, "2026-11-23", "2026-11-29")
		w.Must(err)
		got := map[rota.Warning]bool{}
		for _, warning := range rota.Check(shifts, absences, w.Zone()) {
			got[warning] = true
		}
		want := []rota.Warning{
			{StaffID: claire.ID, Day: "2026-11-24", Rule: rota.Rest, N: 10},
			{StaffID: claire.ID, Day: "2026-11-29", Rule: rota.Days, N: 7},
			{StaffID: claire.ID, Day: "2026-11-29", Rule: rota.Hours, N: 55},
			{StaffID: karim.ID, Day: "2026-11-23", Rule: rota.NotThere},
		}
		for _, warning := range want {
			if !got[warning] {
				t.Errorf("not said: %v", warning)
			}
		}
		if len(got) != len(want) {
			t.Errorf("said: %v", got)
		}
	})
}

// A usual week is laid onto weeks as drafts, without what cannot be, and twice plans nothing twice.
func TestAUsualWeekIsLaid(t *testing.T) {
	onEach(t, func(w *world) {
		w.planned(claire, "2026-11-28", 9, 17)
		w.planned(karim, "2026-11-27", 15, 23)
		w.Must(w.Keep(w.Ctx, "a", "2026-11-25", nadia))
		w.Must(w.Absent(w.Ctx, rota.Absence{ID: store.NewID(), StaffID: karim.ID, First: "2026-12-04", Last: "2026-12-04"}, karim))
		laid, err := w.Lay(w.Ctx, "a", "2026-11-30", 2, nadia)
		w.Must(err)
		if want := (rota.Laid{Planned: 3, Absent: 1}); laid != want {
			t.Errorf("laid %+v, want %+v", laid, want)
		}
		laid, err = w.Lay(w.Ctx, "a", "2026-11-30", 2, nadia)
		w.Must(err)
		if want := (rota.Laid{Absent: 1, Taken: 3}); laid != want {
			t.Errorf("the second time %+v, want %+v", laid, want)
		}
		_, err = w.Lay(w.Ctx, "b", "2026-11-30", 1, nadia)
		w.Refused(err, "fault.rota.pattern_unknown")
	})
}

// An absence is taken back by whom it is of, or by those who plan.
func TestAnAbsenceIsHers(t *testing.T) {
	onEach(t, func(w *world) {
		a := rota.Absence{ID: store.NewID(), StaffID: karim.ID, First: "2026-12-04", Last: "2026-12-05"}
		w.Must(w.Absent(w.Ctx, a, karim))
		w.Refused(w.NotAbsent(w.Ctx, a.ID, false, claire), "fault.rota.absence_unknown")
		w.Must(w.NotAbsent(w.Ctx, a.ID, true, nadia))
		w.Refused(w.Absent(w.Ctx, rota.Absence{ID: store.NewID(), StaffID: karim.ID, First: "2026-12-05", Last: "2026-12-04"}, karim), "fault.rota.absence")
	})
}

// A shift that was over long ago is no longer known, nor the day on which somebody could not come.
func TestOldShiftsAreForgotten(t *testing.T) {
	onEach(t, func(w *world) {
		w.draft(claire, "2026-11-28", 9, 17)
		w.Must(w.ForgetShifts(w.Ctx))
		if n := w.Count(`SELECT count(*) FROM rota_shift`); n != 1 {
			t.Fatalf("%d shifts are left before their time", n)
		}
		w.Forward(rota.ShiftsKept + 48*time.Hour)
		w.Must(w.ForgetShifts(w.Ctx))
		if n := w.Count(`SELECT count(*) FROM rota_shift`); n != 0 {
			t.Errorf("%d shifts are left", n)
		}
	})
}
