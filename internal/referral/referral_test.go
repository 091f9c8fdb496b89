package referral_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/referral"
	"vigie/internal/store"
)

// acts does each event in the way that nothing but the state can refuse.
func (w *world) acts(id string, rev int64, ev referral.Event) (referral.Referral, error) {
	switch ev {
	case referral.EventSave:
		p := paper()
		p.Fields = map[string]string{"facts": "autre chose"}
		return w.Save(w.Ctx, id, rev, p, claire)
	case referral.EventCall:
		return w.Called(w.Ctx, id, rev, referral.Call{Number: "17", Who: "CIC"}, claire)
	case referral.EventDecide:
		return w.Decide(w.Ctx, id, rev, claire)
	case referral.EventDecline:
		return w.Decline(w.Ctx, id, rev, claire)
	case referral.EventConfirm:
		return w.ReadDecline(w.Ctx, id, rev, true, "d'accord", nadia)
	case referral.EventReturn:
		return w.ReadDecline(w.Ctx, id, rev, false, "rappelez-la d'abord", nadia)
	case referral.EventSend:
		return w.Send(w.Ctx, id, rev, referral.Delivery{Channel: catalogue.ChannelCall, To: "Mme Roux"}, claire)
	case referral.EventChase:
		return w.Chase(w.Ctx, id, rev, claire)
	case referral.EventAgain:
		return w.Again(w.Ctx, id, rev, claire)
	case referral.EventAcknowledge:
		return w.Acknowledge(w.Ctx, id, rev, "Mme Roux", "", claire)
	case referral.EventClose:
		return w.Close(w.Ctx, id, rev, "suivie par le département", claire)
	case referral.EventPost:
		return w.SendMail(w.Ctx, id, rev, claire)
	}
	return w.Withdraw(w.Ctx, id, rev, "déjà fait par son école", claire)
}

// ways leads to each state.
var ways = map[referral.State][]referral.Event{
	referral.Draft:        {},
	referral.Decided:      {referral.EventDecide},
	referral.Declined:     {referral.EventDecline},
	referral.Confirmed:    {referral.EventDecline, referral.EventConfirm},
	referral.Sent:         {referral.EventDecide, referral.EventSend},
	referral.Acknowledged: {referral.EventDecide, referral.EventSend, referral.EventAcknowledge},
	referral.Closed:       {referral.EventDecide, referral.EventSend, referral.EventClose},
	referral.Withdrawn:    {referral.EventWithdraw},
}

// What may happen to a referral, whole: every event in every state, and where it leads; everything else changes nothing.
func TestEveryMove(t *testing.T) {
	want := map[referral.State]map[referral.Event]referral.State{
		referral.Draft:        {"save": "draft", "call": "draft", "decide": "decided", "decline": "declined", "withdraw": "withdrawn"},
		referral.Decided:      {"save": "decided", "call": "decided", "send": "sent", "withdraw": "withdrawn", "post": "decided", "lose": "decided", "refuse": "decided", "unsent": "decided"},
		referral.Declined:     {"confirm": "confirmed", "return": "draft"},
		referral.Sent:         {"chase": "sent", "again": "decided", "acknowledge": "acknowledged", "close": "closed"},
		referral.Acknowledged: {"close": "closed"},
	}
	onEach(t, func(w *world) {
		file := w.File(claire)
		for _, state := range referral.States {
			for _, ev := range referral.Events {
				r := w.draft(file, "119", paper())
				for _, step := range ways[state] {
					var err error
					r, err = w.acts(r.ID, r.Rev, step)
					w.Must(err)
				}
				if r.State != state {
					t.Fatalf("the way to %s leads to %s", state, r.State)
				}
				to, may := want[state][ev]
				if state.May(ev) != may {
					t.Errorf("%s may %s: %v", state, ev, !may)
				}
				if ev == referral.EventLose || ev == referral.EventRefuse || ev == referral.EventUnsent {
					continue // these are about a letter: mail_test.go
				}
				after, err := w.acts(r.ID, r.Rev, ev)
				if !may {
					w.Refused(err, "fault.referral.changed")
					to = state
				} else if w.Must(err); after.Rev != r.Rev+1 {
					t.Errorf("%s in %s: revision %d after %d", ev, state, after.Rev, r.Rev)
				}
				if now := w.get(r.ID); now.State != to {
					t.Errorf("%s in %s leads to %s", ev, state, now.State)
				}
			}
		}
	})
}

// What is sent again changes nothing, and what somebody else changed meanwhile is not written over.
func TestASecondPressChangesNothing(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.File(claire)
		draft := w.draft(file, "119", paper())
		w.Must(w.Referrals.Open(w.Ctx, file.ID, draft.ID, "119", referral.Paper{}, claire))
		if again := w.get(draft.ID); again.Content.Ground != "Danger à la maison." {
			t.Error("the second draft wrote over the first")
		}
		same, err := w.Save(w.Ctx, draft.ID, draft.Rev, paper(), claire)
		if w.Must(err); same.Rev != draft.Rev {
			t.Error("saving the same is a change")
		}
		once, err := w.Decide(w.Ctx, draft.ID, draft.Rev, claire)
		w.Must(err)
		twice, err := w.Decide(w.Ctx, draft.ID, draft.Rev, claire)
		if w.Must(err); twice.Rev != once.Rev || twice.DecidedAt != once.DecidedAt {
			t.Error("decided twice")
		}
		_, err = w.Decide(w.Ctx, draft.ID, draft.Rev, nadia)
		w.Refused(err, "fault.referral.changed")
		_, err = w.Send(w.Ctx, draft.ID, draft.Rev, referral.Delivery{Channel: "call", To: "x"}, claire)
		w.Refused(err, "fault.referral.changed")
		if n := w.Count(`SELECT count(*) FROM case_task`); n != 1 {
			t.Errorf("%d tasks", n)
		}
		if n := w.Count(`SELECT count(*) FROM audit WHERE act = 'referral.decide'`); n != 1 {
			t.Errorf("%d rows in the log", n)
		}
	})
}

// Before anything is handed on: does she agree, what was she told, why is it handed on.
func TestWhatADecisionNeeds(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.File(claire)
		try := func(partner string, change func(p *referral.Paper)) error {
			p := paper()
			change(&p)
			r := w.draft(file, partner, p)
			_, err := w.Decide(w.Ctx, r.ID, r.Rev, claire)
			if now := w.get(r.ID); (err != nil) != (now.State == referral.Draft) {
				t.Errorf("refused with %v and %s", err, now.State)
			}
			return err
		}
		w.Refused(try("119", func(p *referral.Paper) { p.Consent = "" }), "fault.referral.consent")
		w.Refused(try("119", func(p *referral.Paper) { p.Consent = referral.ConsentNotAsked }), "fault.referral.why")
		w.Refused(try("119", func(p *referral.Paper) { p.Told = "" }), "fault.referral.told")
		w.Refused(try("119", func(p *referral.Paper) { p.Ground = " " }), "fault.referral.ground")
		w.Refused(try("line_3114", func(p *referral.Paper) { p.Consent, p.Why = referral.ConsentNo, "elle hésite" }), "fault.referral.no_consent")
		w.Must(try("line_3114", func(p *referral.Paper) { p.Consent, p.Why = referral.ConsentOverridden, "elle a les cachets en main" }))
		w.Must(try("119", func(p *referral.Paper) {
			p.Consent, p.Why, p.Told, p.Untold = referral.ConsentNotAsked, "elle a raccroché", "", "elle a raccroché"
		}))
		w.Refused(w.Referrals.Open(w.Ctx, file.ID, store.NewID(), "119", referral.Paper{Consent: "peut-être"}, claire), "fault.referral.consent")
		w.Refused(w.Referrals.Open(w.Ctx, file.ID, store.NewID(), "nobody", referral.Paper{}, claire), "fault.referral.partner")
	})
}

// No school is told without her agreement, whatever the danger; Pharos takes what everybody can see, and nothing else.
func TestSchoolsAndPharos(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.File(claire)
		school := map[string]string{"agreed": "yes", "school": "Collège Pasteur, 5e B", "facts": "On la frappe."}
		for _, consent := range []string{referral.ConsentNo, referral.ConsentNotAsked, referral.ConsentOverridden} {
			p := paper()
			p.Fields, p.Consent, p.Why = school, consent, "danger"
			r := w.draft(file, "school", p)
			_, err := w.Decide(w.Ctx, r.ID, r.Rev, claire)
			w.Refused(err, "fault.referral.school")
		}
		p := paper()
		p.Fields = school
		r := w.draft(file, "school", p)
		_, err := w.Decide(w.Ctx, r.ID, r.Rev, claire)
		w.Must(err)
		p.Fields = map[string]string{"public": "no", "category": "threats"}
		r = w.draft(file, "pharos", p)
		_, err = w.Decide(w.Ctx, r.ID, r.Rev, claire)
		w.Refused(err, "fault.referral.not_public")
		p.Fields = map[string]string{"public": "yes", "category": "threats"}
		r = w.draft(file, "pharos", p)
		r, err = w.Decide(w.Ctx, r.ID, r.Rev, claire)
		w.Must(err)
		_, err = w.Send(w.Ctx, r.ID, r.Rev, referral.Delivery{Channel: "portal", Reference: "P-1"}, claire)
		w.Refused(err, "fault.referral.lacks")
		var lacks []string
		for _, f := range w.Lacks(r) {
			lacks = append(lacks, f.Code)
		}
		if got := strings.Join(lacks, " "); got != "published_at where address" {
			t.Errorf("missing are %s", got)
		}
		p.Fields = map[string]string{"public": "yes", "category": "threats", "published_at": "2026-11-27T17:00", "where": "exemple", "address": "https://example.org/p/1"}
		r, err = w.Save(w.Ctx, r.ID, r.Rev, p, claire)
		w.Must(err)
		_, err = w.Send(w.Ctx, r.ID, r.Rev, referral.Delivery{Channel: "portal"}, claire)
		w.Refused(err, "fault.referral.reference")
		_, err = w.Send(w.Ctx, r.ID, r.Rev, referral.Delivery{Channel: "link"}, claire)
		w.Refused(err, "fault.referral.channel")
		r, err = w.Send(w.Ctx, r.ID, r.Rev, referral.Delivery{Channel: "portal", Reference: "P-1"}, claire)
		if w.Must(err); r.Content.Reference != "P-1" {
			t.Error("the reference is not written back")
		}
	})
}

// In danger the call comes first and asks for nothing but who was called and who answered; the paper follows, in time.
func TestTheCallComesFirst(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.File(claire)
		r := w.draft(file, "police", referral.Paper{})
		_, err := w.Called(w.Ctx, r.ID, r.Rev, referral.Call{Number: "17"}, claire)
		w.Refused(err, "fault.referral.call")
		_, err = w.Called(w.Ctx, r.ID, r.Rev, referral.Call{Number: "17", Who: "CIC", At: store.Millis(w.Now().Add(time.Hour))}, claire)
		w.Refused(err, "fault.referral.call")
		r, err = w.Called(w.Ctx, r.ID, r.Rev, referral.Call{Number: "17", Who: "CIC de Nantes"}, claire)
		w.Must(err)
		if r.CalledAt != store.Millis(w.Now()) || w.tasks(file.ID) != "referral.task.send 28 18:00" {
			t.Errorf("called at %d; to do: %s", r.CalledAt, w.tasks(file.ID))
		}
		w.Refused(w.Files.Close(w.Ctx, file.ID, "solved", claire), "fault.case.tasks_open")
		w.Forward(23 * time.Hour)
		if due, err := w.Due(w.Ctx, w.Now()); err != nil || len(due) != 0 {
			t.Errorf("due too early: %v, %v", due, err)
		}
		due, err := w.Due(w.Ctx, w.Now().Add(time.Hour))
		if w.Must(err); len(due) != 1 || due[0].ID != r.ID {
			t.Errorf("due is %v", due)
		}
		r, err = w.Save(w.Ctx, r.ID, r.Rev, referral.Paper{Consent: referral.ConsentNotAsked, Why: "vie en danger", Untold: "vie en danger", Ground: "agression"}, claire)
		w.Must(err)
		r, err = w.Decide(w.Ctx, r.ID, r.Rev, claire)
		w.Must(err)
		if w.tasks(file.ID) != "referral.task.send 28 18:00" {
			t.Errorf("deciding put the paper off: %s", w.tasks(file.ID))
		}
		_, err = w.Send(w.Ctx, r.ID, r.Rev, referral.Delivery{Channel: "call", To: "CIC de Nantes"}, claire)
		if w.Must(err); w.tasks(file.ID) != "" {
			t.Errorf("left to do: %s", w.tasks(file.ID))
		}
	})
}

// A deadline is a task of the file; sent, the next one is to ask again; acknowledged, nothing is left to do.
func TestDeadlinesAreTasksOfTheFile(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.File(claire)
		r := w.decided(file)
		want := func(tasks string) {
			t.Helper()
			if got := w.tasks(file.ID); got != tasks {
				t.Errorf("to do: %q; want %q", got, tasks)
			}
		}
		want("referral.task.send 27 19:00")
		_, err := w.Send(w.Ctx, r.ID, r.Rev, referral.Delivery{Channel: "call"}, claire)
		w.Refused(err, "fault.referral.to")
		r, err = w.Send(w.Ctx, r.ID, r.Rev, referral.Delivery{Channel: "call", To: "Mme Roux"}, claire)
		w.Must(err)
		want("referral.task.chase 28 18:00")
		w.Forward(25 * time.Hour)
		due, err := w.Due(w.Ctx, w.Now())
		if w.Must(err); len(due) != 1 || due[0].ID != r.ID {
			t.Errorf("to be chased: %v", due)
		}
		r, err = w.Chase(w.Ctx, r.ID, r.Rev, claire)
		w.Must(err)
		want("referral.task.chase 29 19:00")
		r, err = w.Acknowledge(w.Ctx, r.ID, r.Rev, "Mme Roux", "119-4471", claire)
		w.Must(err)
		want("")
		if r.Chases != 1 || r.Content.Reference != "119-4471" {
			t.Errorf("acknowledged: %+v", r)
		}
		var kinds []string
		events, err := w.Files.Timeline(w.Ctx, file.ID, "", 50)
		w.Must(err)
		for _, e := range events {
			if e.Ref == r.ID {
				kinds = append(kinds, e.Kind)
			}
		}
		if got := strings.Join(kinds, " "); got != "referral_acknowledge referral_chase referral_send referral_decide referral_open" {
			t.Errorf("the timeline has %s", got)
		}
	})
}

// Deciding not to refer is read by somebody else than who decided.
func TestASecondReader(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.File(claire)
		r := w.draft(file, "119", referral.Paper{})
		_, err := w.Decline(w.Ctx, r.ID, r.Rev, claire)
		w.Refused(err, "fault.referral.ground")
		r, err = w.Save(w.Ctx, r.ID, r.Rev, referral.Paper{Ground: "Sa tante l'a déjà fait."}, claire)
		w.Must(err)
		r, err = w.Decline(w.Ctx, r.ID, r.Rev, claire)
		w.Must(err)
		if w.tasks(file.ID) != "referral.task.read 29 18:00" {
			t.Errorf("to do: %s", w.tasks(file.ID))
		}
		unread, err := w.Unread(w.Ctx)
		if w.Must(err); len(unread) != 1 {
			t.Errorf("%d wait for a reader", len(unread))
		}
		_, err = w.ReadDecline(w.Ctx, r.ID, r.Rev, true, "", claire)
		w.Refused(err, "fault.referral.same_reader")
		_, err = w.ReadDecline(w.Ctx, r.ID, r.Rev, false, "", nadia)
		w.Refused(err, "fault.referral.ground")
		r, err = w.ReadDecline(w.Ctx, r.ID, r.Rev, true, "", nadia)
		if w.Must(err); r.State != referral.Confirmed || r.ReadBy != nadia.ID || w.tasks(file.ID) != "" {
			t.Errorf("read: %+v; to do %s", r, w.tasks(file.ID))
		}
	})
}

// Two files become one: the referrals of the first are the second's, readable and writable there.
func TestAMergeMovesReferrals(t *testing.T) {
	onEach(t, func(w *world) {
		first, second := w.File(claire), w.File(claire)
		r := w.decided(first)
		w.Must(w.Files.Merge(w.Ctx, first.ID, second.ID, claire))
		all, err := w.Of(w.Ctx, second.ID)
		if w.Must(err); len(all) != 1 || all[0].ID != r.ID {
			t.Fatalf("the second file has %v", all)
		}
		if left, err := w.Of(w.Ctx, first.ID); err != nil || len(left) != 0 {
			t.Errorf("the first one has %v, %v", left, err)
		}
		r, err = w.SendLink(w.Ctx, r.ID, r.Rev, claire)
		if w.Must(err); w.get(r.ID).Content.Ground != "Danger à la maison." {
			t.Error("what was written cannot be read")
		}
		if w.tasks(second.ID) != "referral.task.chase 28 18:00" {
			t.Errorf("to do: %s", w.tasks(second.ID))
		}
	})
}

// The 119 fetches the paper once, by a link and a code; nobody but its key opens it, and that is the receipt.
func TestASecureLink(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.File(claire)
		r := w.decided(file)
		r, err := w.SendLink(w.Ctx, r.ID, r.Rev, claire)
		w.Must(err)
		link, ok, err := w.Link(w.Ctx, r.ID)
		w.Must(err)
		if !ok || len(link.Code) != 9 || strings.Contains(link.Token, file.ID) || len(link.Token) != 22 {
			t.Fatalf("the link is %+v", link)
		}
		if stored := w.Count(`SELECT count(*) FROM referral_link WHERE CAST(envelope_sealed AS TEXT) LIKE '%age-encryption%'`); stored != 0 {
			t.Error("the envelope lies open")
		}
		w.Must(w.Waiting(w.Ctx, link.Token))
		_, err = w.Fetch(w.Ctx, link.Token, "2222-2222", "Mme Roux, 119")
		w.Refused(err, "fault.referral.code")
		_, err = w.Fetch(w.Ctx, link.Token, link.Code, " ")
		w.Refused(err, "fault.referral.who")
		_, err = w.Fetch(w.Ctx, "nowhere", link.Code, "x")
		w.Refused(err, "fault.referral.link")
		envelope, err := w.Fetch(w.Ctx, link.Token, strings.ToLower(link.Code), "Mme Roux, 119")
		w.Must(err)
		plain, err := age.Decrypt(bytes.NewReader(envelope.Bytes), w.partner)
		w.Must(err)
		text, err := io.ReadAll(plain)
		w.Must(err)
		if !strings.Contains(string(text), "Elle a peur de rentrer.") || !strings.Contains(string(text), r.Receipt()) {
			t.Errorf("the paper says %s", text)
		}
		stranger, err := age.GenerateX25519Identity()
		w.Must(err)
		if _, err := age.Decrypt(bytes.NewReader(envelope.Bytes), stranger); err == nil {
			t.Error("a stranger's key opens it")
		}
		after := w.get(r.ID)
		if after.State != referral.Acknowledged || after.Content.Fetched != "Mme Roux, 119" || after.AcknowledgedAt == 0 || w.tasks(file.ID) != "" {
			t.Errorf("after the fetch: %+v; to do %s", after, w.tasks(file.ID))
		}
		_, err = w.Fetch(w.Ctx, link.Token, link.Code, "Mme Roux, 119")
		w.Refused(err, "fault.referral.link")
		found, err := w.ByReceipt(w.Ctx, strings.ToLower(r.Receipt()))
		if w.Must(err); found.ID != r.ID {
			t.Error("the receipt finds another one")
		}
	})
}

// A link ends: by time, by wrong codes, and when it is sent again.
func TestALinkEnds(t *testing.T) {
	onEach(t, func(w *world) {
		sent := func() (referral.Referral, referral.Link) {
			r := w.decided(w.File(claire))
			r, err := w.SendLink(w.Ctx, r.ID, r.Rev, claire)
			w.Must(err)
			l, _, err := w.Link(w.Ctx, r.ID)
			w.Must(err)
			return r, l
		}
		_, guessed := sent()
		for range 10 {
			_, err := w.Fetch(w.Ctx, guessed.Token, "AAAA-AAAA", "x")
			w.Refused(err, "fault.referral.code")
		}
		_, err := w.Fetch(w.Ctx, guessed.Token, guessed.Code, "x")
		w.Refused(err, "fault.referral.link")

		_, stormed := sent()
		answers := make(chan error, 40)
		for range cap(answers) {
			go func() {
				_, err := w.Fetch(w.Ctx, stormed.Token, "AAAA-AAAA", "x")
				answers <- err
			}()
		}
		tried := 0
		for range cap(answers) {
			if f := fault.As(<-answers); f != nil && f.Key == "fault.referral.code" {
				tried++
			}
		}
		if tried != 10 {
			t.Errorf("%d codes were compared at once", tried)
		}

		r, taken := sent()
		r, err = w.Again(w.Ctx, r.ID, r.Rev, claire)
		w.Must(err)
		_, err = w.Fetch(w.Ctx, taken.Token, taken.Code, "x")
		w.Refused(err, "fault.referral.link")
		r, err = w.SendLink(w.Ctx, r.ID, r.Rev, claire)
		w.Must(err)
		fresh, _, err := w.Link(w.Ctx, r.ID)
		w.Must(err)
		w.Must(w.Waiting(w.Ctx, fresh.Token))

		w.Forward(72 * time.Hour)
		w.Refused(w.Waiting(w.Ctx, fresh.Token), "fault.referral.link")
	})
}

// Erasing a file erases what was to be handed on, and the link that waits.
func TestErasingAFileErasesItsReferrals(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.File(claire)
		r := w.decided(file)
		r, err := w.SendLink(w.Ctx, r.ID, r.Rev, claire)
		w.Must(err)
		link, _, err := w.Link(w.Ctx, r.ID)
		w.Must(err)
		w.Must(w.Files.Erase(w.Ctx, file.ID, audit.Actor{Kind: audit.Staff, ID: "dpo"}, "request"))
		_, err = w.Get(w.Ctx, r.ID)
		w.Refused(err, "fault.referral.unknown")
		w.Refused(w.Waiting(w.Ctx, link.Token), "fault.referral.link")
	})
}

// A CRIP is that of a département: where the child lives says by which way it is told, though no paper of theirs asks.
func TestTheOfficeOfADepartment(t *testing.T) {
	onEach(t, func(w *world) {
		file, p := w.File(claire), paper()
		ways := func(department string) string {
			p.Fields = map[string]string{"department": department}
			r := w.draft(file, "crip", p)
			return strings.Join(w.Channels(r), " ")
		}
		if a, b := ways("44"), ways("75"); a != "portal letter" || b != "portal letter" {
			t.Errorf("in 44: %s, elsewhere: %s", a, b)
		}
		r := w.draft(file, "crip", p)
		lines := w.Lines(r, "fr")
		if len(lines) != 1 || lines[0].Code != referral.Department || lines[0].Answer != "Paris" {
			t.Errorf("the paper says %+v", lines)
		}
	})
}

// A family has several children: each stands in the paper, with its number.
func TestSeveralChildren(t *testing.T) {
	onEach(t, func(w *world) {
		p := paper()
		p.Fields = map[string]string{"child_first_name": "Inès", "child_first_name#2": "Sami", "child_sex#2": "boy"}
		var said []string
		for _, l := range w.Lines(w.draft(w.File(claire), "crip", p), "fr") {
			said = append(said, l.Label+": "+l.Answer)
		}
		if got := strings.Join(said, ", "); got != "Prénom: Inès, Prénom (2): Sami, Sexe (2): Garçon" {
			t.Errorf("the paper says %s", got)
		}
	})
}
