package console

import (
	"context"
	"log/slog"
	"net/http"
	"slices"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/rehearsal"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// Training is where somebody learns, and where she is taught: exercises, the library, and what waits for a tutor's signature.
func (c *Room) Training(w http.ResponseWriter, r *http.Request) error {
	ctx, say, m := r.Context(), answer.Printer(r), session.Staff(r)
	v := trainingView{say: say, stories: stories(say), mayName: m.Can(staff.FloorSteer)}
	tutor, learns, err := c.Trainees.Tutor(ctx, m.ID)
	if err != nil {
		return err
	}
	if learns {
		v.tutor = c.Alias(ctx, tutor)
	}
	waits, err := c.Trainees.Waits(ctx, m.ID)
	if err != nil {
		return err
	}
	for _, wait := range waits {
		ct, err := c.Contacts.Get(ctx, wait.ContactID)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		v.waits = append(v.waits, waitRow{ct.ID, c.title(say, ct), say.T("training.wrote", "who", c.Alias(ctx, wait.TraineeID), "when", say.DateTime(at(wait.WaitsAt)))})
	}
	exercises, err := c.Exercises.Of(ctx, m.ID)
	if err != nil {
		return err
	}
	for _, e := range exercises {
		state := "exercise.goes_on"
		if e.Over() {
			state = "exercise.over"
		}
		v.exercises = append(v.exercises, exerciseRow{e.ID, say.Text(e.Story().Title.In(say.Lang())), say.T("training.exercise", "who", c.Alias(ctx, e.TraineeID), "when", say.DateTime(at(e.BeganAt)), "state", say.T(state))})
	}
	learning, err := c.Trainees.List(ctx)
	if err != nil {
		return err
	}
	for _, l := range learning {
		if l.TutorID == m.ID {
			v.trainees = append(v.trainees, ui.Option{Value: l.StaffID, Label: c.Alias(ctx, l.StaffID)})
			hers, err := c.Contacts.Of(ctx, l.StaffID)
			if err != nil {
				return err
			}
			for _, ct := range hers {
				if known, err := c.Router.Recused(ctx, m.ID, ct); err != nil {
					return err
				} else if !known && ct.State == contact.Talking && ct.Live() {
					v.talks = append(v.talks, talkedRow{ct.ID, c.title(say, ct), say.T("training.talks_with", "who", c.Alias(ctx, l.StaffID)), ct.Channel == contact.ChannelPhone})
				}
			}
		}
		v.learning = append(v.learning, learnRow{l.StaffID, say.T("training.pair", "trainee", c.Alias(ctx, l.StaffID), "tutor", c.Alias(ctx, l.TutorID), "when", say.Date(at(l.Since)))})
	}
	if v.mayName {
		people, err := c.Staff.List(ctx)
		if err != nil {
			return err
		}
		for _, p := range people {
			if p.Can(staff.ContactAnswer) {
				v.people = append(v.people, ui.Option{Value: p.ID, Label: p.Alias})
			}
		}
	}
	answer.Page(w, r, http.StatusOK, trainingPage(v, c.shell(r, say, m, "training.title")))
	return nil
}

func toTraining(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/desk/training", http.StatusSeeOther)
	return nil
}

// SetTrainee says who learns with whom, or that somebody has learned.
func (c *Room) SetTrainee(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if form.Get("end") != "" {
		err = c.Trainees.End(r.Context(), form.Get("trainee"), me(r))
	} else {
		people, lerr := c.Staff.List(r.Context())
		if lerr != nil {
			return lerr
		}
		for _, id := range []string{form.Get("trainee"), form.Get("tutor")} {
			if !slices.ContainsFunc(people, func(p staff.Person) bool { return p.ID == id && p.Can(staff.ContactAnswer) }) {
				return fault.New(fault.Invalid, "fault.trainee.tutor")
			}
		}
		err = c.Trainees.Set(r.Context(), form.Get("trainee"), form.Get("tutor"), me(r))
	}
	if err != nil {
		return err
	}
	return toTraining(w, r)
}

// Countersign signs what a trainee wrote up.
func (c *Room) Countersign(w http.ResponseWriter, r *http.Request) error {
	if err := c.Trainees.Sign(r.Context(), r.PathValue("id"), supervises(r), me(r)); err != nil {
		return err
	}
	return toTraining(w, r)
}

// coSignedLine says who co-signed a contact, or that it waits; "" for one that no trainee wrote up.
func (c *Room) coSignedLine(ctx context.Context, say *i18n.Printer, contactID string) (string, error) {
	s, ok, err := c.Trainees.Of(ctx, contactID)
	if err != nil || !ok {
		return "", err
	}
	if s.SignedAt == 0 {
		return say.T("training.unsigned", "who", c.Alias(ctx, s.TraineeID), "tutor", c.Alias(ctx, s.TutorID)), nil
	}
	return say.T("training.signed", "who", c.Alias(ctx, s.TraineeID), "tutor", c.Alias(ctx, s.SignedBy), "when", say.DateTime(at(s.SignedAt))), nil
}

// mayRead says whether a tutor may read a contact, because her trainee wrote it up.
func (c *Room) tutored(ctx context.Context, contactID, staffID string) bool {
	s, ok, err := c.Trainees.Of(ctx, contactID)
	return err == nil && ok && s.TutorID == staffID
}

// BeginExercise begins one: alone, or as the tutor of somebody who learns with her.
func (c *Room) BeginExercise(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	mine := session.Staff(r).ID
	trainee, tutor := mine, ""
	if chosen := form.Get("trainee"); chosen != "" && chosen != mine {
		with, learns, err := c.Trainees.Tutor(r.Context(), chosen)
		if err != nil {
			return err
		}
		if !learns || with != mine {
			return fault.New(fault.Forbidden, "fault.rehearsal.not_yours")
		}
		trainee, tutor = chosen, mine
	}
	e, err := c.Exercises.Begin(r.Context(), form.Get("id"), form.Get("rehearsal"), trainee, tutor, me(r))
	if err != nil {
		return err
	}
	return toExercise(w, r, e.ID)
}

func toExercise(w http.ResponseWriter, r *http.Request, id string) error {
	http.Redirect(w, r, "/desk/exercises/"+id, http.StatusSeeOther)
	return nil
}

// exercise reads an exercise that is hers, as a trainee or as a tutor.
func (c *Room) exercise(ctx context.Context, say *i18n.Printer, id, staffID string) (v exerciseView, err error) {
	e, err := c.Exercises.Get(ctx, id)
	if err != nil {
		return v, err
	}
	if e.TraineeID != staffID && e.TutorID != staffID {
		return v, fault.New(fault.NotFound, "fault.rehearsal.unknown")
	}
	story := e.Story()
	v = exerciseView{say: say, e: e, title: say.Text(story.Title.In(say.Lang())), trainee: c.Alias(ctx, e.TraineeID), tutoring: e.TutorID == staffID}
	if e.TutorID != "" {
		v.with = c.Alias(ctx, e.TutorID)
	}
	if v.lines, err = c.Exercises.Lines(ctx, e); err != nil {
		return v, err
	}
	node, _ := story.Node(e.Node)
	for _, a := range node.Answers {
		v.intents = append(v.intents, ui.Option{Value: a.Intent, Label: say.T("exercise.intent." + a.Intent)})
	}
	for _, l := range v.lines {
		switch l.Who {
		case rehearsal.Trainee:
			v.likely = node.Suggests(l.Text)
		case rehearsal.Child:
			v.likely = ""
		case rehearsal.Intent:
			said := say.T("exercise.lesson." + l.Text)
			if rehearsal.Good(l.Text) && !slices.Contains(v.good, said) {
				v.good = append(v.good, said)
			}
			if !rehearsal.Good(l.Text) && !slices.Contains(v.other, said) {
				v.other = append(v.other, said)
			}
		}
	}
	return v, nil
}

// Exercise shows one.
func (c *Room) Exercise(w http.ResponseWriter, r *http.Request) error {
	say, m := answer.Printer(r), session.Staff(r)
	v, err := c.exercise(r.Context(), say, r.PathValue("exercise"), m.ID)
	if err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, exercisePage(v, c.apart(say, m, "training.title")))
	return nil
}

// ActExercise writes, has the young person go on, remarks or ends.
func (c *Room) ActExercise(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	id, mine, ctx := r.PathValue("exercise"), session.Staff(r).ID, r.Context()
	switch r.PathValue("act") {
	case "say":
		err = c.Exercises.Say(ctx, id, form.Get("text"), mine)
	case "take":
		err = c.Exercises.Take(ctx, id, form.Get("intent"), mine)
	case "comment":
		err = c.Exercises.Comment(ctx, id, form.Get("text"), mine)
	case "end":
		err = c.Exercises.End(ctx, id, mine)
	default:
		err = fault.New(fault.NotFound, "fault.not_found")
	}
	if err != nil {
		return err
	}
	return toExercise(w, r, id)
}

// ExerciseEvents is the stream of an exercise's two pages.
func (c *Room) ExerciseEvents(w http.ResponseWriter, r *http.Request) error {
	id, mine, say := r.PathValue("exercise"), session.Staff(r).ID, answer.Printer(r)
	if _, err := c.exercise(r.Context(), say, id, mine); err != nil {
		return err
	}
	ctx := context.WithoutCancel(r.Context())
	return c.Streams.Serve(w, r, mine, func(s *live.Stream) (func(), error) {
		draw := func(string, []byte) {
			v, err := c.exercise(ctx, say, id, mine)
			if err == nil {
				var e live.Event
				if e, err = live.Update(ctx, "", exerciseLog(v), exerciseTutor(v), exerciseDebrief(v)); err == nil {
					s.Push(e)
				}
			}
			if err != nil {
				slog.Warn("an exercise could not be drawn", "error", err)
				s.End()
			}
		}
		return c.Bus.Subscribe("exercise."+id, draw)
	})
}
