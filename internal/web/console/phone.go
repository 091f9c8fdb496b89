package console

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone"
	"vigie/internal/web/answer"
	"vigie/internal/web/session"
)

// The softphone of a desk. What a call is stands in the record and on the node that holds it, and is drawn as a
// piece like everything else; the browser's script only makes the sound true to that piece (soft-phone.ts).

// ICE tells a browser how it may find its way to us.
func (c *Room) ICE(w http.ResponseWriter, r *http.Request) error {
	if !c.Phone.On() {
		return fault.New(fault.Unavailable, "fault.phone.off")
	}
	return writeJSON(w, c.Phone.ICEServers())
}

func writeJSON(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body)
	return nil
}

// PeerOffer answers the offer of a browser (WebRTC), on the node that holds the call it is for.
func (c *Room) PeerOffer(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	sdp, err := c.Phone.Offer(r.Context(), session.Staff(r).ID, form.Get("node"), r.PathValue("peer"), form.Get("sdp"))
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"sdp": sdp, "iceServers": c.Phone.ICEServers()})
}

// PeerCandidates takes the ways to a browser as it finds them.
func (c *Room) PeerCandidates(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.Phone.Candidates(r.Context(), session.Staff(r).ID, form.Get("node"), r.PathValue("peer"), form["candidate"]); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// PeerClose is a page that is being left.
func (c *Room) PeerClose(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.Phone.Leave(r.Context(), session.Staff(r).ID, form.Get("node"), r.PathValue("peer")); err != nil && !fault.Is(err, fault.Gone) {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// PhoneReady says whether this desk takes calls; it is said again as long as it does.
func (c *Room) PhoneReady(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if !c.Phone.On() {
		return fault.New(fault.Unavailable, "fault.phone.off")
	}
	if err := c.Router.SetPhone(r.Context(), session.Staff(r).ID, form.Get("on") == "1"); err != nil {
		return err
	}
	return c.done(w, r, "")
}

// PhoneTest has her hear herself.
func (c *Room) PhoneTest(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.Phone.Test(r.Context(), session.Staff(r).ID, form.Get("node"), form.Get("peer")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// done answers without a piece: what the call is now comes down the stream, and by nothing else, because of two
// ways one overtakes the other, and the older drawing would be the last.
func (c *Room) done(w http.ResponseWriter, r *http.Request, contactID string) error {
	if answer.Scripted(r) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return c.pieces(w, r, contactID)
}

// onCall does something with her call.
func (c *Room) onCall(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, form map[string][]string, staffID, contactID string) error) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if err := do(r.Context(), form, session.Staff(r).ID, id); err != nil {
		return err
	}
	c.Phone.Tell(id)
	return c.done(w, r, id)
}

func first(form map[string][]string, name string) string {
	if v := form[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// CallAttach brings this browser into her call.
func (c *Room) CallAttach(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, form map[string][]string, staffID, id string) error {
		return c.Phone.Attach(ctx, staffID, id, first(form, "peer"), first(form, "force") == "1")
	})
}

// CallHold puts the caller on hold.
func (c *Room) CallHold(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, _ map[string][]string, staffID, id string) error {
		return c.Phone.Hold(ctx, staffID, id, true)
	})
}

// CallResume brings the caller back.
func (c *Room) CallResume(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, _ map[string][]string, staffID, id string) error {
		if err := c.Router.CancelHandOver(ctx, staffID, id); err != nil { // the colleague did not answer, or she thought better of it
			return err
		}
		return c.Phone.Hold(ctx, staffID, id, false)
	})
}

// CallDigits presses keys.
func (c *Room) CallDigits(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, form map[string][]string, staffID, id string) error {
		return c.Phone.Press(ctx, staffID, id, first(form, "digits"))
	})
}

// CallTransfer hands the call over without a word before: to a colleague, or to an outside number. The caller hears
// music meanwhile; where nobody can be rung she stays where she is.
func (c *Room) CallTransfer(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, form map[string][]string, staffID, id string) error {
		return c.bringIn(ctx, staffID, id, first(form, "to"), phone.Straight)
	})
}

// bringIn brings a colleague ("staff:ID") or an outside number ("number:119") into her call.
func (c *Room) bringIn(ctx context.Context, staffID, contactID, to string, how phone.How) error {
	kind, who, _ := strings.Cut(to, ":")
	switch kind {
	case "number":
		return c.Phone.Invite(ctx, staffID, contactID, who, how)
	case "staff":
	default:
		return fault.New(fault.Invalid, "fault.phone.whom")
	}
	if err := c.Phone.Announce(ctx, staffID, contactID, how); err != nil {
		return err
	}
	err := c.Router.HandOver(ctx, staffID, contactID, who)
	if err != nil {
		if back := c.Phone.Hold(ctx, staffID, contactID, false); back != nil && !fault.Is(back, fault.Gone) {
			return back
		}
	}
	return err
}

// CallConnect ends the introduction of a transfer.
func (c *Room) CallConnect(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, _ map[string][]string, staffID, id string) error {
		return c.Phone.Connect(ctx, staffID, id)
	})
}

// CallTakeBack ends what she speaks of while the caller waits, and brings the caller back: whoever was rung is hung
// up, a hand-over that rings is called back, a colleague who has the call gives it back.
func (c *Room) CallTakeBack(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, _ map[string][]string, staffID, id string) error {
		view, ok, err := c.Phone.View(ctx, id)
		if err != nil {
			return err
		}
		if ok && view.Introducing != "" {
			return c.Phone.GiveBack(ctx, staffID, id)
		}
		if err := c.Router.CancelHandOver(ctx, staffID, id); err != nil {
			return err
		}
		if err := c.Phone.Drop(ctx, staffID, id); err != nil {
			return err
		}
		return c.Phone.Hold(ctx, staffID, id, false)
	})
}

// CallInvite rings a colleague or an outside number: to speak with them first, or to talk all together.
func (c *Room) CallInvite(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, form map[string][]string, staffID, id string) error {
		how := phone.First
		if first(form, "how") == string(phone.Together) {
			how = phone.Together
		}
		return c.bringIn(ctx, staffID, id, first(form, "to"), how)
	})
}

// CallMerge brings caller and outside number together.
func (c *Room) CallMerge(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, _ map[string][]string, staffID, id string) error {
		return c.Phone.Merge(ctx, staffID, id)
	})
}

// CallDrop hangs up the outside number.
func (c *Room) CallDrop(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, _ map[string][]string, staffID, id string) error {
		return c.Phone.Drop(ctx, staffID, id)
	})
}

// CallPass leaves the caller with the outside number.
func (c *Room) CallPass(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, _ map[string][]string, staffID, id string) error {
		return c.Phone.Pass(ctx, staffID, id)
	})
}

// CallSay has a caller who says nothing hear a script.
func (c *Room) CallSay(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, form map[string][]string, staffID, id string) error {
		return c.Phone.Say(ctx, staffID, id, first(form, "script"))
	})
}

// CallBack rings the person of a contact she has.
func (c *Room) CallBack(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, form map[string][]string, staffID, id string) error {
		return c.Phone.CallBack(ctx, staffID, id, first(form, "urgent") == "1")
	})
}

// PromiseCallBack keeps the caller's number for a call-back: she said yes.
func (c *Room) PromiseCallBack(w http.ResponseWriter, r *http.Request) error {
	if err := c.Phone.Promise(r.Context(), session.Staff(r).ID, r.PathValue("id")); err != nil {
		return err
	}
	return c.promisePieces(w, r)
}

// CancelCallBack takes the promise to call back.
func (c *Room) CancelCallBack(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ct, err := c.mine(r)
	if err != nil {
		return err
	}
	if err := c.Phone.CancelCallback(r.Context(), ct.ID, form.Get("why"), me(r)); err != nil {
		return err
	}
	return c.promisePieces(w, r)
}

// CallQuality is what her browser says of what it hears, every few seconds.
func (c *Room) CallQuality(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	var q struct {
		Loss  float64 `json:"loss"`
		Delay float64 `json:"jitterBufferDelay"`
	}
	if json.Unmarshal([]byte(form.Get("json")), &q) != nil {
		return fault.New(fault.Invalid, "fault.form.broken")
	}
	err = c.Phone.Heard(r.Context(), session.Staff(r).ID, r.PathValue("id"), phone.Heard{Loss: q.Loss, Delay: q.Delay})
	if err != nil && !fault.Is(err, fault.Gone) {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// CallEnd says goodbye: the caller's line is hung up, and the contact is written up.
func (c *Room) CallEnd(w http.ResponseWriter, r *http.Request) error {
	return c.onCall(w, r, func(ctx context.Context, _ map[string][]string, staffID, id string) error {
		ct, err := c.Contacts.Get(ctx, id)
		if err != nil {
			return err
		}
		view, going, err := c.Phone.View(ctx, id)
		if err != nil {
			return err
		}
		if ct.Channel != contact.ChannelPhone || going && view.Direction == phone.Outbound { // the contact it was for goes on
			return c.Phone.HangUp(ctx, staffID, id)
		}
		_, err = c.Contacts.EndConversation(ctx, id, me(r), contact.Change{Supervising: supervises(r)})
		return err
	})
}

// ListenVoicemail says that she listens to a message that was spoken while we were closed, and hands her the player. Each
// listening is in the log before anything sounds.
func (c *Room) ListenVoicemail(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.open(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	m, pass, err := c.Phone.Hear(r.Context(), ct.ID, me(r))
	if err != nil {
		return err
	}
	say, v := answer.Printer(r), &voice{message: m, heardBy: c.Alias(r.Context(), m.HeardBy), pass: pass}
	if !answer.Scripted(r) {
		answer.Page(w, r, http.StatusOK, voicemailPage(say, c.shell(r, say, session.Staff(r), "phone.voicemail"), ct.ID, v))
		return nil
	}
	answer.Fragment(w, r, voicemailPiece(say, ct.ID, v))
	return nil
}

// Voicemail is the sound itself, for who has said that she listens.
func (c *Room) Voicemail(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.open(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	sound, m, err := c.Phone.Play(r.Context(), ct.ID, r.PathValue("pass"), me(r))
	if err != nil {
		return err
	}
	return writeSound(w, r, sound, m.Bytes())
}

// Recording is the sound of a call that was recorded. Each listening is in the log.
func (c *Room) Recording(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.open(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	sound, rec, err := c.Phone.PlayRecording(r.Context(), ct.ID, r.PathValue("recording"), me(r))
	if err != nil {
		return err
	}
	return writeSound(w, r, sound, rec.Bytes())
}

// writeSound sends a WAV file of this many bytes, and nothing of it is kept by the browser.
func writeSound(w http.ResponseWriter, r *http.Request, sound io.ReadCloser, size int64) error {
	defer sound.Close()
	h := w.Header()
	h.Set("Content-Type", "audio/wav")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	if _, err := io.Copy(w, sound); err != nil && r.Context().Err() == nil {
		return err
	}
	return nil
}
