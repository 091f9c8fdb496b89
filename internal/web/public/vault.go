package public

import (
	"encoding/json"
	"net/http"
	"time"

	"vigie/internal/chat"
	"vigie/internal/fault"
	"vigie/internal/routing/flood"
	"vigie/internal/web/answer"
	"vigie/internal/web/session"
)

// What an open vault is told of the conversation in the same browser: what is asked for, and what became of what was handed over. It is read by
// assets/ts/vault-box.ts.
type (
	vaultTalk struct {
		Asked *vaultAsked  `json:"asked"`
		Given []vaultGiven `json:"given"`
	}
	vaultAsked struct {
		Proof   string   `json:"proof"`
		What    string   `json:"what"`
		Warning string   `json:"warning"`
		Max     int64    `json:"max"`
		Kinds   []string `json:"kinds"` // what is taken, told before anything is sent
	}
	vaultGiven struct {
		Proof  string `json:"proof"`
		Opened bool   `json:"opened"`
		Back   string `json:"back"` // when it was taken back; "" is not
	}
	// handed is the answer to a file that a vault sent: when it arrived by our clock, and whether it is the one that the vault means.
	handed struct {
		Proof string `json:"proof"`
		At    string `json:"at"`
		Match bool   `json:"match"`
	}
	back struct {
		Proof string `json:"proof"`
		At    string `json:"at"`
	}
)

// Vault tells an open vault what is asked for now and what became of what was given.
func (p *Room) Vault(w http.ResponseWriter, r *http.Request) error {
	ct, err := p.mine(r)
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	told := vaultTalk{Given: []vaultGiven{}}
	open, err := p.openProof(r.Context(), ct)
	if err != nil {
		return err
	}
	if open != nil {
		told.Asked = &vaultAsked{Proof: open.id, What: say.T("proof.title", "what", say.T("proof."+open.label)), Warning: say.Text(open.warning), Max: open.max, Kinds: chat.Taken}
	}
	proofs, err := p.Chats.Proofs(r.Context(), ct.ID)
	if err != nil {
		return err
	}
	for _, proof := range proofs {
		if proof.ReceivedAt == 0 {
			continue
		}
		g := vaultGiven{Proof: proof.ID, Opened: proof.OpenedAt > 0 || proof.State != chat.ProofReceived && proof.TakenBackAt == 0}
		if proof.TakenBackAt > 0 {
			g.Back = stated(proof.TakenBackAt)
		}
		told.Given = append(told.Given, g)
	}
	return tellVault(w, told)
}

// TakeBack destroys a file that nobody has opened yet, because who handed it over wants it back.
func (p *Room) TakeBack(w http.ResponseWriter, r *http.Request) error {
	s := session.Visitor(r)
	if err := p.slow(r, flood.SendFile, s.ContactID); err != nil {
		return err
	}
	proof, err := p.Chats.TakeBack(r.Context(), r.PathValue("proof"), s.ContactID, s.PersonID)
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, "fault.chat.back_unknown")
		}
		return err
	}
	return tellVault(w, back{Proof: proof.ID, At: stated(proof.TakenBackAt)})
}

// stated is a time of ours as the vault keeps it.
func stated(at int64) string { return time.UnixMilli(at).UTC().Format(time.RFC3339) }

func tellVault(w http.ResponseWriter, told any) error {
	body, err := json.Marshal(told)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(body)
	return nil
}
