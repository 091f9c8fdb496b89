package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"vigie/internal/picture/picturetest"
	"vigie/internal/staff"
	"vigie/internal/web/i18n"
)

// fromVault is the form by which an open vault hands a file over.
func fromVault(sum, at string, content []byte) (body []byte, kind string) {
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	_ = parts.WriteField("sure", "yes")
	_ = parts.WriteField("vault_sha256", sum)
	_ = parts.WriteField("vault_at", at)
	file, _ := parts.CreateFormFile("file", "capture.png")
	_, _ = file.Write(content)
	_ = parts.Close()
	return b.Bytes(), parts.FormDataContentType()
}

func (b *browser) scripted(method, path, kind string, body []byte) *browser {
	b.Helper()
	return b.do(method, path, bytes.NewReader(body), http.Header{"Content-Type": {kind}, "Sec-Fetch-Site": {"same-origin"}, "Vigie-Script": {"1"}})
}

// vaultTold is what an open vault is told of the conversation.
type vaultTold struct {
	Asked *struct {
		Proof, What, Warning string
		Max                  int64
		Kinds                []string
	}
	Given []struct {
		Proof, Back string
		Opened      bool
	}
}

func (b *browser) told(in string) vaultTold {
	b.Helper()
	b.get(in + "/chat/vault").want(200)
	var t vaultTold
	if err := json.Unmarshal([]byte(b.body), &t); err != nil {
		b.Fatal(err)
	}
	return t
}

const declaredAt = "2026-03-03T21:04:05+01:00"

// A young person hands a thing from her vault to her counsellor, who sees its hash verified and both times; until it is opened she may
// have it back.
func TestAThingIsHandedOverFromTheVault(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	child := w.browser()
	child.get("/chat/vault").want(401)
	id := child.opens()
	counsellor := w.as(staff.Counsellor)
	w.answered(counsellor, id)
	if asks := child.told(""); asks.Asked != nil || len(asks.Given) != 0 {
		t.Fatalf("nothing is asked, and yet %+v", asks)
	}
	ask := func() string {
		proof := uuid.Must(uuid.NewV7()).String()
		counsellor.post("/desk/contacts/"+id+"/proof", "proof_id", proof, "what", "screenshot_post").want(200)
		return proof
	}
	picture := picturetest.PNG(t, picturetest.Chessboard(40, 40))
	sum := sha256.Sum256(picture)
	hash := hex.EncodeToString(sum[:])

	// What is asked for is told with its limits before anything is sent, in her language.
	first := ask()
	asks := child.told("")
	if asks.Asked == nil || asks.Asked.Proof != first || asks.Asked.Max != 1<<20 || len(asks.Asked.Kinds) != 4 || !strings.Contains(asks.Asked.What, "capture de la publication") || asks.Asked.Warning == "" {
		t.Fatalf("told %+v", asks.Asked)
	}
	if english := child.told("/en"); !strings.Contains(english.Asked.What, "post") {
		t.Errorf("in English: %q", english.Asked.What)
	}
	// A stranger, and another conversation, are told nothing of it.
	stranger := w.browser()
	stranger.opens()
	if other := stranger.told(""); other.Asked != nil || len(other.Given) != 0 {
		t.Errorf("another is told %+v", other)
	}

	body, kind := fromVault(hash, declaredAt, picture)
	child.scripted("POST", "/chat/file/"+first, kind, body).want(200)
	if !strings.Contains(child.body, `"match":true`) || child.header.Get("Cache-Control") != "no-store" {
		t.Errorf("answered %s", child.body)
	}
	declared, err := time.Parse(time.RFC3339, declaredAt)
	if err != nil {
		t.Fatal(err)
	}
	say := i18n.For(i18n.French)
	counsellor.get("/desk?c="+id).want(200).sees("empreinte vérifiée", say.DateTime(declared), "Arrivée")
	// Looked at, the line stays.
	seen := counsellor.do("POST", "/desk/files/"+first+"/look", strings.NewReader(""), http.Header{"Content-Type": {urlencoded}, "Sec-Fetch-Site": {"same-origin"}, "Vigie-Script": {"1"}}).want(200)
	seen.sees("empreinte vérifiée")
	counsellor.get("/desk/files/" + first + "/picture?cover=covered").want(200)
	if given := child.told("").Given; len(given) != 1 || !given[0].Opened {
		t.Errorf("told %+v", given)
	}
	child.scripted("POST", "/chat/file/"+first+"/back", urlencoded, nil).want(409).sees("déjà été ouverte")

	// Another one, of which something else arrives than the vault says: both are told, and the note stays.
	second := ask()
	body, kind = fromVault(strings.Repeat("0", 64), declaredAt, picture)
	child.scripted("POST", "/en/chat/file/"+second, kind, body).want(200)
	if !strings.Contains(child.body, `"match":false`) {
		t.Errorf("answered %s", child.body)
	}
	counsellor.get("/desk?c=" + id).want(200).sees("n'est pas celle de ce qui est arrivé")
	// It is nobody else's to take back, and hers while nobody opened it, once or twice.
	stranger.scripted("POST", "/chat/file/"+second+"/back", urlencoded, nil).want(404).sees("n'est pas dans cette conversation")
	w.browser().scripted("POST", "/chat/file/"+second+"/back", urlencoded, nil).want(401)
	child.scripted("POST", "/chat/file/"+second+"/back", urlencoded, nil).want(200)
	child.scripted("POST", "/chat/file/"+second+"/back", urlencoded, nil).want(200)
	for _, g := range child.told("").Given {
		if (g.Back != "") != (g.Proof == second) {
			t.Errorf("told %+v", g)
		}
	}
	counsellor.get("/desk?c="+id).want(200).sees("Repris par la personne", "La copie est détruite")
	counsellor.get("/desk/files/" + second + "/picture?cover=covered").want(410).sees("reprise par la personne")

	// What no vault says.
	third := ask()
	body, kind = fromVault("no hash", declaredAt, picture)
	child.scripted("POST", "/chat/file/"+third, kind, body).want(422).sees("un nouvel envoi suffit")
	// The way without a vault is as it was.
	body, kind = upload("yes", "a.png", "image/png", picture)
	child.postsRaw("/chat/file/"+third, kind, body).want(303)
	counsellor.get("/desk?c=" + id).want(200)
	if n := strings.Count(counsellor.text(), "Du coffre"); n != 1 {
		t.Errorf("%d files are said to be from the vault, want the first alone", n)
	}
}

// The page of the vault is the same for everybody, says what to do without it, and may show what its browser opened: itself and no other.
func TestThePageOfTheVault(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.get("/vault").want(200).sees("Mon coffre", "À noter sur papier")
	csp := b.header.Get("Content-Security-Policy")
	for _, want := range []string{"worker-src 'self';", "img-src 'self' blob:;", "media-src 'self' blob:;", "script-src 'self';", "require-trusted-types-for 'script'", "default-src 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy lacks %q: %s", want, csp)
		}
	}
	if strings.Contains(csp, "wasm") || strings.Contains(csp, "unsafe") || len(b.header.Values("Set-Cookie")) > 0 {
		t.Errorf("policy %s, cookies %v", csp, b.header.Values("Set-Cookie"))
	}
	b.get("/en/vault").want(200).sees("My vault")
	if !strings.Contains(b.header.Get("Content-Security-Policy"), "blob:") {
		t.Error("in English it has another policy")
	}
	for _, path := range []string{"/", "/chat", "/numbers"} {
		if got := b.get(path).header.Get("Content-Security-Policy"); strings.Contains(got, "blob:") {
			t.Errorf("%s has the vault's policy", path)
		}
	}
}
