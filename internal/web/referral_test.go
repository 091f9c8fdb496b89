package web_test

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"

	"vigie/internal/catalogue"
	"vigie/internal/staff"
	"vigie/internal/store"
)

var (
	revision = regexp.MustCompile(`name="rev" value="(\d+)"`)
	envelope = regexp.MustCompile(`/envelope/[\w-]{22}`)
	linkCode = regexp.MustCompile(`id="envelope-code">([\w-]{9})<`)
)

// refers prepares a referral of a file to a partner and returns its page.
func (b *browser) refers(file, partner string) string {
	b.Helper()
	id := store.NewID()
	b.post("/desk/cases/"+file+"/referrals", "id", id, "partner", partner).want(http.StatusOK)
	return "/desk/cases/" + file + "/referrals/" + id
}

// does one thing with a referral, as its page stands.
func (b *browser) does(page, do string, fields ...string) *browser {
	b.Helper()
	b.get(page).want(http.StatusOK)
	rev := revision.FindStringSubmatch(b.body)
	if rev == nil {
		b.Fatal("the page can do nothing")
	}
	return b.post(page, append(fields, "do", do, "rev", rev[1])...)
}

func (w *world) fileOf(camille *browser) (file, contact string) {
	w.Helper()
	w.onDuty(camille)
	contact = w.browser().opens("public", "child")
	w.answered(camille, contact)
	return camille.opensCase(contact, "child"), contact
}

// The 119 gets the paper by a sealed envelope: what is missing is said, the link and its code are shown, they are fetched
// once, and the receipt stands on the page.
func TestAReferralByASealedEnvelope(t *testing.T) {
	w := newWorld(t)
	partner, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	w.edits(catalogue.DocPartners, func(text string) string {
		return strings.Replace(text, "code = \"119\"\n", "code = \"119\"\nkey = \""+partner.Recipient().String()+"\"\n", 1)
	})
	camille := w.as(staff.Counsellor)
	file, contact := w.fileOf(camille)
	camille.post("/desk/contacts/"+contact+"/field", "field", "department", "value", "44").want(http.StatusOK)
	page := camille.refers(file, "119")
	camille.get(page).want(http.StatusOK).sees("119, Allô enfance en danger", "Brouillon", "À lui dire avec vos mots", "Je vais parler de toi au 119", "Base légale")
	if !regexp.MustCompile(`value="44" selected`).MatchString(camille.body) {
		t.Error("the département is not taken from the child's form")
	}
	camille.does(page, "decide", "field.facts", "Elle a peur de rentrer.", "field.department", "44").want(http.StatusUnprocessableEntity).
		sees("Dites si la personne est d'accord", "Elle a peur de rentrer.")
	camille.does(page, "decide", "field.facts", "Elle a peur de rentrer.", "field.department", "44", "consent", "yes", "told", "Le 119 saura.", "ground", "Danger à la maison.").want(http.StatusOK).
		sees("Décidée, à envoyer", "Par téléphone", "Par lien sécurisé", "Appelez le 119")
	camille.does(page, "link").want(http.StatusOK).sees("Envoyée", "Dites le code au téléphone")
	address, code := envelope.FindString(camille.body), linkCode.FindStringSubmatch(camille.body)
	if address == "" || code == nil {
		t.Fatal("no link and code are shown")
	}
	if strings.Contains(address, file) || strings.Contains(address, contact) {
		t.Error("the address names the file or the contact")
	}
	camille.get("/desk/cases/"+file).sees("Transmissions", "119, Allô enfance en danger", "Envoyée", "à relancer le", "Relancer")

	them := w.browser()
	them.get(address).want(http.StatusOK).sees("Une enveloppe fermée vous attend").seesNot("119", "Loire", "peur")
	them.post(address, "code", "2222-2222", "who", "Mme Roux, 119").want(http.StatusForbidden).sees("Ce code n'est pas le bon").seesNot("peur")
	them.post(address, "code", code[1]).want(http.StatusUnprocessableEntity).sees("Écrivez votre nom")
	them.post(address, "code", strings.ToLower(code[1]), "who", "Mme Roux, 119").want(http.StatusOK)
	if cached := them.header.Get("Cache-Control"); cached != "no-store" || them.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("the envelope is %v", them.header)
	}
	if strings.Contains(them.body, "peur") {
		t.Error("the envelope lies open")
	}
	plain, err := age.Decrypt(bytes.NewReader([]byte(them.body)), partner)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(plain)
	if err != nil || !strings.Contains(string(text), "Elle a peur de rentrer.") || !strings.Contains(string(text), "Loire-Atlantique") {
		t.Errorf("the paper says %s, %v", text, err)
	}
	them.get(address).want(http.StatusGone).sees("Ce lien n'ouvre rien")
	camille.get(page).want(http.StatusOK).sees("Reçue par le partenaire", "Retiré par Mme Roux, 119").seesNot(code[1])
}

// Whoever may not read a file reads none of its referrals; a referral is found in its own file only.
func TestReferralsAreNeedToKnow(t *testing.T) {
	w := newWorld(t)
	camille, lou, nadia := w.as(staff.Counsellor), w.colleague("Lou"), w.as(staff.Supervisor)
	file, _ := w.fileOf(camille)
	page := camille.refers(file, "119")
	lou.get(page).want(http.StatusForbidden).seesNot("Base légale")
	lou.post(page, "do", "withdraw", "rev", "1").want(http.StatusForbidden)
	lou.post("/desk/cases/"+file+"/referrals", "id", store.NewID(), "partner", "119").want(http.StatusForbidden)
	lou.get("/desk/cases/" + file + "/offences").want(http.StatusForbidden)
	other, _ := w.fileOf(camille)
	camille.get("/desk/cases/" + other + "/referrals/" + page[strings.LastIndex(page, "/")+1:]).want(http.StatusNotFound).sees("n'existe pas dans ce dossier")

	camille.does(page, "decline", "ground", "Sa tante l'a déjà fait.").want(http.StatusOK).sees("Non transmise, à relire").seesNot("Je suis d'accord")
	camille.post(page, "do", "agree", "rev", "3").want(http.StatusForbidden).sees("Une autre personne doit relire")
	nadia.get("/desk/cases").want(http.StatusOK).sees("Décisions de ne pas transmettre, à relire", "119, Allô enfance en danger")
	camille.get("/desk/cases").want(http.StatusOK).seesNot("Décisions de ne pas transmettre")
	nadia.does(page, "agree").want(http.StatusOK).sees("Non transmise, relue", "Relu par Dominique")
}

// Pharos and a school say why they do not take it, with the way that is left.
func TestWhatPartnersDoNotTake(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	file, _ := w.fileOf(camille)
	first := []string{"consent", "not_asked", "why", "elle est partie", "untold", "elle est partie", "ground", "contenu public"}
	pharos := camille.refers(file, "pharos")
	camille.does(pharos, "decide", append(first, "field.public", "no")...).want(http.StatusForbidden).sees("Pharos ne prend que ce que tout le monde peut voir")
	camille.does(pharos, "decide", append(first, "field.public", "yes")...).want(http.StatusOK).sees("Il manque 4 réponses", "Adresse exacte")
	camille.does(pharos, "send", "channel", "portal", "reference", "P-1").want(http.StatusUnprocessableEntity).sees("Il manque 4 réponses que le partenaire demande", "Adresse exacte")
	school := camille.refers(file, "school")
	camille.does(school, "decide", append(first, "field.agreed", "yes")...).want(http.StatusForbidden).sees("Aucune école n'est prévenue sans l'accord de l'enfant")
	crip := camille.refers(file, "crip")
	camille.does(crip, "save", "field.department", "44", "field.child_first_name", "Inès", "field.child_first_name#2", "Sami").want(http.StatusOK).
		sees("Département", "Prénom (2)", "Prénom (3)", "Il manque 6 réponses")
	camille.does(crip, "decide", append(first, "field.department", "44", "field.reported", "« Il me frappe. »")...).want(http.StatusOK).
		sees("Formulaire en ligne, avec accusé de réception automatique", "Par le formulaire du partenaire", "Par courrier").seesNot("Par lien sécurisé", "Par courriel")
	police := camille.refers(file, "police")
	camille.does(police, "call", "number", "17", "who", "CIC de Nantes", "when", w.clock.now().Format("2006-01-02T15:04")).want(http.StatusOK).sees("Appel au 17, CIC de Nantes")
	camille.get("/desk/cases/"+file).sees("Transmettre à", "Appel d'urgence passé")
	camille.does(police, "call", "number", "17", "who", "x", "when", "tout de suite").want(http.StatusUnprocessableEntity).sees("Donnez l'heure de l'appel")
	camille.post("/desk/cases/"+file+"/referrals", "id", store.NewID(), "partner", "nobody").want(http.StatusUnprocessableEntity).sees("Choisissez un partenaire")
	camille.post(police, "do", "shout", "rev", "2").want(http.StatusUnprocessableEntity)
}

// The offences of a file's category, in words for the child or for a parent; nothing of the story is on the page.
func TestThePageOfOffences(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	file, _ := w.fileOf(camille)
	page := "/desk/cases/" + file
	camille.get(page + "/offences").want(http.StatusOK).sees("Choisissez d'abord le sujet du dossier")
	camille.post(page+"/topic", "topic", "cyberbullying").want(http.StatusOK)
	camille.post(page+"/notes", "id", store.NewID(), "text", "Sa sœur sait.").want(http.StatusOK)
	camille.get(page+"/offences").want(http.StatusOK).sees("On t'insulte", "222-33-2-2 du code pénal", "15\u202f000 € d'amende", "Plainte au commissariat", "sur ce qui t'arrive").seesNot("Sa sœur sait.", "Des propos ou des comportements")
	camille.get(page+"/offences?for=parent").want(http.StatusOK).sees("Des propos ou des comportements répétés", "sur cette situation").seesNot("On t'insulte")
}
