package web

import (
	"net/http"

	"vigie/internal/staff"
)

// routes is every way in, with the right it takes. A test walks every role through every line.
func (h *Handler) routes() []Route {
	const get, post = http.MethodGet, http.MethodPost
	p, c, a := h.Public, h.Console, h.Admin
	return []Route{
		// Anybody.
		{get, "/", staff.Public, p.Home, true},
		{get, "/chat", staff.Public, p.Chat, true},
		{post, "/chat", staff.Public, p.Start, true},
		{get, "/message", staff.Public, p.Letter, true},
		{post, "/message", staff.Public, p.LeaveLetter, true},
		{get, "/resume", staff.Public, p.Resume, true},
		{post, "/resume", staff.Public, p.ComeBack, true},
		{get, "/numbers", staff.Public, p.Numbers, true},
		{get, "/privacy", staff.Public, p.Privacy, true},
		{get, "/cards/{code}", staff.Public, p.Card, true},
		{get, "/quit", staff.Public, p.Leave, false},
		{get, "/dev/ui", staff.Public, h.gallery, true},

		// The person of an open conversation.
		{get, "/chat/events", staff.Visitor, p.Events, true},
		{post, "/chat/messages", staff.Visitor, p.Send, true},
		{post, "/chat/typing", staff.Visitor, p.Typing, false},
		{post, "/chat/marks", staff.Visitor, p.Marks, false},
		{post, "/chat/words", staff.Visitor, p.Words, true},
		{post, "/chat/file/{proof}", staff.Visitor, p.File, true},
		{post, "/chat/later", staff.Visitor, p.Later, true},
		{post, "/chat/end", staff.Visitor, p.End, true},
		{post, "/chat/rate", staff.Visitor, p.Rate, true},
		{post, "/chat/close", staff.Visitor, p.Shut, true},
		{get, "/message/left", staff.Visitor, p.LetterLeft, true},

		// Log in and out.
		{get, "/desk/login", staff.Public, c.LogIn, false},
		{post, "/desk/login", staff.Public, c.Authenticate, false},
		{post, "/desk/login/code", staff.Public, c.Code, false},
		{post, "/desk/login/passkey/begin", staff.Public, c.BeginPasskeyLogin, false},
		{post, "/desk/login/passkey", staff.Public, c.FinishPasskeyLogin, false},
		{post, "/desk/logout", staff.ProfileOwn, c.LogOut, false},

		// One's own account.
		{get, "/desk/account", staff.ProfileOwn, c.Account, false},
		{post, "/desk/theme", staff.ProfileOwn, c.SetTheme, false},
		{post, "/desk/account/lang", staff.ProfileOwn, c.SetScreenLang, false},
		{post, "/desk/account/password", staff.ProfileOwn, c.ChangePassword, false},
		{post, "/desk/account/confirm", staff.ProfileOwn, c.Confirm, false},
		{post, "/desk/account/totp", staff.ProfileOwn, c.BeginTOTP, false},
		{post, "/desk/account/totp/finish", staff.ProfileOwn, c.FinishTOTP, false},
		{post, "/desk/account/totp/remove", staff.ProfileOwn, c.RemoveTOTP, false},
		{post, "/desk/account/passkeys/begin", staff.ProfileOwn, c.BeginPasskey, false},
		{post, "/desk/account/passkeys", staff.ProfileOwn, c.FinishPasskey, false},
		{post, "/desk/account/passkeys/{passkey}/remove", staff.ProfileOwn, c.RemovePasskey, false},
		{post, "/desk/account/sessions/{session}/end", staff.ProfileOwn, c.RevokeSession, false},

		// The house.
		{get, "/admin", staff.CatalogueRead, a.Home, false},
		{get, "/admin/catalogue", staff.CatalogueRead, a.Documents, false},
		{get, "/admin/catalogue/{doc}", staff.CatalogueRead, a.Document, false},
		{post, "/admin/catalogue/{doc}", staff.CatalogueWrite, a.Publish, false},
		{get, "/admin/staff", staff.StaffManage, a.People, false},
		{post, "/admin/staff", staff.StaffManage, a.Add, false},
		{get, "/admin/staff/{person}", staff.StaffManage, a.Person, false},
		{post, "/admin/staff/{person}", staff.StaffManage, a.Change, false},
		{post, "/admin/staff/{person}/forget", staff.StaffManage, a.Forget, false},
		{post, "/admin/staff/{person}/active", staff.StaffManage, a.SetActive, false},
		{post, "/admin/staff/{person}/reset", staff.StaffManage, a.Reset, false},
		{get, "/admin/audit", staff.AuditRead, a.Trail, false},

		// The floor.
		{post, "/desk/alarms/{alarm}/seen", staff.FloorSteer, c.SeeAlarm, false},
		{get, "/desk/floor", staff.FloorSee, c.Floor, false},
		{post, "/desk/floor/seats/{person}/away", staff.FloorSteer, c.SetAway, false},
		{post, "/desk/floor/surge", staff.FloorSteer, c.SetSurge, false},
		{post, "/desk/floor/proof", staff.FloorSteer, c.SetProof, false},
		{post, "/desk/floor/closure", staff.FloorSteer, c.CloseLine, false},
		{post, "/desk/floor/closure/end", staff.FloorSteer, c.ReopenLine, false},
		{post, "/desk/floor/incidents/{incident}/close", staff.FloorSteer, c.CloseIncident, false},
		{post, "/desk/floor/blocks/{block}/lift", staff.BlockLift, c.Lift, false},
		{post, "/desk/contacts/{id}/assign", staff.FloorSteer, c.Assign, false},
		{post, "/desk/contacts/{id}/give", staff.FloorSteer, c.Give, false},
		{post, "/desk/contacts/{id}/settle", staff.FloorSteer, c.Settle, false},
		{post, "/desk/contacts/{id}/forget/carry-out", staff.ContactForget, c.Forget, false},
		{post, "/desk/contacts/{id}/forget/refuse", staff.ContactForget, c.RefuseForget, false},

		// The desk.
		{get, "/desk", staff.DeskUse, c.Desk, false},
		{get, "/desk/events", staff.DeskUse, c.Events, false},
		{get, "/desk/history", staff.ContactSearch, c.History, false},
		{post, "/desk/history", staff.ContactSearch, c.FindExact, false},
		{get, "/desk/history/{id}", staff.ContactRead, c.Past, false},
		{post, "/desk/presence", staff.DeskUse, c.SetPresence, false},
		{post, "/desk/contacts/{id}/accept", staff.ContactAnswer, c.Accept, false},
		{post, "/desk/contacts/{id}/decline", staff.ContactAnswer, c.Decline, false},
		{post, "/desk/contacts/{id}/known", staff.ContactAnswer, c.Known, false},
		{post, "/desk/contacts/{id}/take", staff.ContactAnswer, c.Take, false},
		{get, "/desk/contacts/{id}", staff.ContactRead, c.Panel, false},
		{get, "/desk/contacts/{id}/messages", staff.ContactRead, c.Earlier, false},
		{post, "/desk/contacts/{id}/messages", staff.ContactAnswer, c.Send, false},
		{post, "/desk/contacts/{id}/typing", staff.ContactAnswer, c.Typing, false},
		{post, "/desk/contacts/{id}/marks", staff.ContactAnswer, c.Marks, false},
		{post, "/desk/contacts/{id}/field", staff.ContactAnswer, c.SaveField, false},
		{post, "/desk/contacts/{id}/protocols/{protocol}", staff.ContactAnswer, c.Tick, false},
		{post, "/desk/contacts/{id}/notes", staff.ContactAnswer, c.Note, false},
		{post, "/desk/contacts/{id}/end", staff.ContactAnswer, c.End, false},
		{post, "/desk/contacts/{id}/close", staff.ContactAnswer, c.Close, false},
		{post, "/desk/contacts/{id}/dismiss", staff.ContactAnswer, c.Dismiss, false},
		{post, "/desk/contacts/{id}/danger", staff.ContactAnswer, c.Danger, false},
		{post, "/desk/contacts/{id}/grave", staff.ContactAnswer, c.Grave, false},
		{post, "/desk/contacts/{id}/past", staff.ContactAnswer, c.ReleasePast, false},
		{post, "/desk/contacts/{id}/handover", staff.ContactAnswer, c.HandOver, false},
		{post, "/desk/contacts/{id}/handover/cancel", staff.ContactAnswer, c.CancelHandOver, false},
		{post, "/desk/contacts/{id}/join", staff.ContactAnswer, c.Join, false},
		{post, "/desk/contacts/{id}/apart", staff.ContactAnswer, c.Apart, false},
		{post, "/desk/contacts/{id}/hold", staff.ContactHold, c.Hold, false},
		{post, "/desk/contacts/{id}/hold/confirm", staff.ContactReveal, c.ConfirmHold, false},
		{post, "/desk/contacts/{id}/hold/read", staff.ContactHold, c.ReadHold, false},
		{post, "/desk/contacts/{id}/hold/review", staff.ContactReveal, c.ReviewHold, false},
		{post, "/desk/contacts/{id}/hold/release", staff.ContactReveal, c.ReleaseHold, false},
		{post, "/desk/contacts/{id}/forget", staff.ContactAnswer, c.AskForget, false},
		{post, "/desk/contacts/{id}/block", staff.BlockSet, c.Block, false},
		{post, "/desk/contacts/{id}/threat", staff.BlockSet, c.Threat, false},
		{post, "/desk/contacts/{id}/proof", staff.ContactAnswer, c.AskProof, false},
		{post, "/desk/contacts/{id}/proof/close", staff.ContactAnswer, c.CloseProof, false},
		{post, "/desk/files/{file}/look", staff.ContactAnswer, c.LookAtFile, false},
		{get, "/desk/files/{file}/picture", staff.ContactAnswer, c.FilePicture, false},
		{post, "/desk/files/{file}/illegal", staff.ContactAnswer, c.MarkIllegal, false},
		{get, "/desk/held", staff.ContactIllegal, c.Held, false},
		{post, "/desk/held/{file}/hand-over", staff.ContactIllegal, c.AskHandOver, false},
		{post, "/desk/held/{file}/hand-over/agree", staff.ContactIllegal, c.AgreeHandOver, false},
		{get, "/desk/held/{file}/sealed", staff.ContactIllegal, c.SealedFile, false},
		{post, "/desk/held/{file}/destroy", staff.ContactIllegal, c.AskDestroy, false},
		{post, "/desk/held/{file}/destroy/confirm", staff.ContactIllegal, c.ConfirmDestroy, false},
	}
}
