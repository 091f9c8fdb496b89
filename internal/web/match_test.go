package web_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/draw"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/evidence"
	"vigie/internal/picture/pdq/invented"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// keeps keeps a picture in the file of a page, as if it had been handed over, and waits until it is hashed.
func (w *world) keeps(page string, original []byte, c evidence.Content) (id string) {
	w.Helper()
	id = store.NewID()
	by := audit.Actor{Kind: audit.Staff, ID: w.people[staff.Counsellor].ID}
	if err := w.app.Evidence.AddFile(w.Context(), fileAt(page), id, "", c, bytes.NewReader(original), by); err != nil {
		w.Fatal(err)
	}
	w.until("the picture is hashed", func() bool {
		item, err := w.app.Evidence.Item(w.Context(), id)
		return err == nil && item.Hash != evidence.HashQueued
	})
	return id
}

func fileAt(page string) string { return caseAt.FindStringSubmatch(page)[1] }

// matched waits until a file has a lead, and returns it.
func (w *world) matched(page string) (m evidence.Match) {
	w.Helper()
	w.until("its picture is found", func() bool {
		all, err := w.app.Evidence.MatchesOf(w.Context(), fileAt(page))
		if len(all) > 0 {
			m = all[0]
		}
		return err == nil && len(all) == 1
	})
	return m
}

// idOf is the id of a member of staff.
func (w *world) idOf(alias string) string {
	w.Helper()
	roster, err := w.app.Staff.Roster(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	for _, p := range roster {
		if p.Alias == alias {
			return p.ID
		}
	}
	w.Fatalf("nobody is called %s", alias)
	return ""
}

// aPhotograph is one of nobody, as a JPEG of a width.
func aPhotograph(t *testing.T, seed uint64, width, quality int) []byte {
	t.Helper()
	scene := invented.Photograph(seed, 600, 450)
	small := image.NewRGBA(image.Rect(0, 0, width, width*3/4))
	draw.CatmullRom.Scale(small, small.Rect, scene, scene.Rect, draw.Src, nil)
	var out bytes.Buffer
	if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A picture that is in two files is a lead: whoever has one file alone learns that it is known and whom to ask, and nothing of the
// other; who reads both compares them; a supervisor says what it is; who knows a person of either knows of nothing.
func TestWhoSeesThatAPictureIsKnown(t *testing.T) {
	w := newWorld(t)
	camille, lou, nadia, morgan := w.as(staff.Counsellor), w.colleague("Lou"), w.as(staff.Supervisor), w.second()
	hers, _, _ := w.caseOf(camille)
	contactID := w.browser().opens("public", "child")
	file, err := w.app.Cases.OpenFor(t.Context(), contactID, casefile.RoomChild, audit.Actor{Kind: audit.Staff, ID: w.idOf("Lou")})
	if err != nil {
		t.Fatal(err)
	}
	louses := "/desk/cases/" + file.ID
	w.keeps(louses, aPhotograph(t, 3018, 600, 90), evidence.Content{Account: "@dark.wolf"})
	w.keeps(hers, aPhotograph(t, 3018, 320, 60), evidence.Content{})
	m := w.matched(hers)
	reference := func(page string) string {
		file, err := w.app.Cases.Get(t.Context(), fileAt(page))
		if err != nil {
			t.Fatal(err)
		}
		return file.Reference
	}

	at := func(page string) string { return page + "/matches/" + m.ID }
	camille.get(hers).want(http.StatusOK).sees("Images déjà vues", "est connue dans un autre dossier", "Votre responsable peut comparer", "Si cette image revient ailleurs").
		seesNot(reference(louses), "@dark.wolf", "Comparer deux images", fileAt(louses))
	for _, page := range []string{hers, louses} {
		camille.get(at(page)).want(http.StatusForbidden).seesNot(reference(louses), "@dark.wolf")
		camille.post(at(page), "before", "open", "verdict", "same").want(http.StatusForbidden)
	}
	camille.get(at(hers)).sees("dans un dossier que vous ne pouvez pas lire")
	lou.get(louses).sees("est connue dans un autre dossier").seesNot(reference(hers))
	camille.get("/desk/matches").want(http.StatusForbidden)

	lou.post(louses+"/readers", "who", w.idOf("Camille")).want(http.StatusOK)
	camille.get(hers).sees("ressemble au fichier n° 1 du dossier " + reference(louses))
	camille.get(at(hers)).want(http.StatusOK).sees("Comparer deux images", reference(louses), "@dark.wolf", "Votre responsable répondra").seesNot("C'est la même image")
	camille.post(at(hers), "before", "open", "verdict", "same").want(http.StatusForbidden).sees("c'est à votre responsable de le dire")

	ct, err := w.app.Contacts.Get(t.Context(), contactID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.app.DB.Tx(t.Context(), func(tx *store.Tx) error {
		return w.app.Contacts.Bar(t.Context(), tx, ct.PersonID, w.idOf("Morgan"), audit.Actor{Kind: audit.Staff, ID: w.idOf("Morgan")})
	}); err != nil {
		t.Fatal(err)
	}
	nothing := func() {
		t.Helper()
		morgan.get(hers).want(http.StatusOK).seesNot("Images déjà vues", "connue dans un autre dossier", "Deux images comparées")
		morgan.get("/desk/matches").want(http.StatusOK).sees("Aucune image à comparer")
		morgan.get("/desk/cases").seesNot("1 à comparer")
		morgan.get(at(hers)).want(http.StatusNotFound)
		morgan.post(at(hers), "before", "open", "verdict", "same").want(http.StatusNotFound)
	}
	nothing()

	nadia.get("/desk/cases").sees("1 à comparer")
	nadia.get("/desk/matches").want(http.StatusOK).sees(reference(hers), reference(louses), "Très ressemblante")
	nadia.get(at(hers)).want(http.StatusOK).sees("C'est la même image", "@dark.wolf", "Voir en gris")
	nadia.post(at(hers), "before", "open", "verdict", "perhaps").want(http.StatusUnprocessableEntity)
	for range 2 {
		nadia.post(at(hers), "before", "open", "verdict", "same").want(http.StatusOK).sees("La même image", "Dominique, ")
	}
	nadia.post(at(hers), "before", "open", "verdict", "other").want(http.StatusConflict).sees("Quelqu'un d'autre vient de le dire")
	nadia.get("/desk/matches").sees("Aucune image à comparer")
	camille.get(hers).sees("Deux images comparées", "La même image")
	lou.get(louses).sees("Deux images comparées")
	nothing()
	nadia.get(strings.Replace(at(hers), m.ID, store.NewID(), 1)).want(http.StatusNotFound)
}

var offeredNotice = regexp.MustCompile(`action="(/desk/cases/[0-9a-f-]{36}/notices)"`)

// What was taken down and comes back: at the same address the notice that watches says so; at another one a new notice begins from
// the picture's own file, with its address. Nothing is sent by itself.
func TestWhatComesBackIsReportedAgain(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	page, _, _ := w.caseOf(camille)
	const before, elsewhere = "https://www.instagram.com/p/Cabc123/", "https://www.tiktok.com/@dark/video/7300000000000000000"
	first := w.keeps(page, aPhotograph(t, 3018, 600, 90), evidence.Content{Address: before + "?igsh=xyz"})
	camille.post(page+"/notices", "id", store.NewID(), "links", before, "ground", "harassment", "seen", "28/11/2026, 10 h", "facts", "Un montage moqueur.").want(http.StatusOK)
	notice := noticeAt.FindString(camille.body)
	camille.post(page+"/notices", "id", store.NewID(), "links", "https://www.instagram.com/p/Cother9/", "ground", "harassment", "seen", "28/11/2026, 10 h", "facts", "Autre chose.").want(http.StatusOK)
	camille.post(notice+"/consent", "yes", "1").want(http.StatusOK)
	camille.post(notice + "/approve").want(http.StatusOK)
	camille.post(notice+"/filed", "route", "portal", "reference", "REF-77").want(http.StatusOK)
	camille.post(notice+"/looked", "found", "gone").want(http.StatusOK)
	w.clock.jumps(4 * time.Hour)
	camille = w.as(staff.Counsellor)
	camille.post(notice+"/looked", "found", "gone").want(http.StatusOK).sees("Disparu, vu deux fois")

	w.keeps(page, aPhotograph(t, 3018, 320, 60), evidence.Content{Address: before})
	m := w.matched(page)
	if m.Earlier.ItemID != first {
		t.Fatalf("the earlier one is %s", m.Earlier.ItemID)
	}
	at := page + "/matches/" + m.ID
	camille.get(at).want(http.StatusOK).sees("C'est la même image", "Instagram, notification n° 1", "disparue le").
		seesNot("notification n° 2", "Elle est revenue", "La faire retirer de nouveau")
	camille.post(at, "before", "open", "verdict", "same").want(http.StatusOK).
		sees("Elle est revenue à la même adresse", "une nouvelle n'est pas nécessaire").seesNot("Préparer une notification")
	camille.post(notice+"/looked", "found", "there").want(http.StatusOK).sees("Réapparu")

	camille.get(at).want(http.StatusOK).sees("Réapparu", "une nouvelle n'est pas nécessaire").seesNot("Elle est revenue à la même adresse", "Préparer une notification")

	second, _, _ := w.caseOf(camille)
	w.keeps(second, aPhotograph(t, 3018, 400, 70), evidence.Content{Address: elsewhere})
	nadia := w.as(staff.Supervisor)
	var lead string
	w.until("it is found in the first file", func() bool {
		nadia.get(second)
		lead = regexp.MustCompile(second + `/matches/[0-9a-f-]{36}`).FindString(nadia.body)
		return lead != ""
	})
	all, err := w.app.Evidence.MatchesOf(t.Context(), fileAt(second))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Earlier.ItemID == first {
			lead = second + "/matches/" + m.ID
		}
	}
	nadia.post(lead, "before", "open", "verdict", "same").want(http.StatusOK).
		sees("La faire retirer de nouveau", "tiktok.com/@dark/video/7300000000000000000", "Un montage moqueur.", "Réapparu").seesNot("Elle est revenue à la même adresse")
	action := offeredNotice.FindStringSubmatch(nadia.body)
	if action == nil || action[1] != second+"/notices" {
		t.Fatalf("a new notice would begin at %v", action)
	}
	nadia.get(second).sees("Aucune notification.")
	nadia.post(action[1], "id", store.NewID(), "links", elsewhere, "ground", "harassment", "seen", "29/11/2026, 10 h", "facts", "Un montage moqueur.").want(http.StatusOK).sees("TikTok, notification n° 1", "Brouillon")
}
