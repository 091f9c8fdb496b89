package atproto_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/freeport"
	"vigie/internal/store/storetest"
	"vigie/internal/takedown/route"
	"vigie/internal/takedown/route/atproto"
	"vigie/internal/takedown/route/routetest"
)

// real is a network of its own on this machine: Bluesky's PDS and Ozone, its moderation service, as npm has them
// (tools/remotes), and a directory of DIDs.
type real struct {
	t          *testing.T
	pds, ozone string
	service    string // Ozone's DID
	stopOzone  func()
}

const (
	admin = "admin-password"
	// ozoneKey is Ozone's, for this test alone, and ozonePublic its public half.
	ozoneKey    = "2222222222222222222222222222222222222222222222222222222222222222"
	ozonePublic = "zQ3shS9i8ufXsDMmNUWAzJDryVeJeQjh2cQNVA6Sc3r9W8wnv"
	ozoneDID    = "did:plc:ozoneaaaaaaaaaaaaaaaaaaa"
)

// directory stands for plc.directory (web.plc.directory/spec/v0.1/did-plc): it keeps what is posted for a DID, unchecked, and
// makes the DID's document from it.
type directory struct {
	mu   sync.Mutex
	docs map[string]any
}

func (d *directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	did := strings.TrimPrefix(r.URL.Path, "/")
	if r.Method == http.MethodPost {
		var op struct {
			Keys     map[string]string `json:"verificationMethods"`
			Names    []string          `json:"alsoKnownAs"`
			Services map[string]struct{ Type, Endpoint string }
		}
		if err := json.NewDecoder(r.Body).Decode(&op); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		keys, services, names := []any{}, []any{}, append([]string{}, op.Names...)
		for id, key := range op.Keys {
			keys = append(keys, map[string]string{"id": did + "#" + id, "type": "Multikey", "controller": did, "publicKeyMultibase": strings.TrimPrefix(key, "did:key:")})
		}
		for id, s := range op.Services {
			services = append(services, map[string]string{"id": "#" + id, "type": s.Type, "serviceEndpoint": s.Endpoint})
		}
		d.docs[did] = map[string]any{"@context": []string{"https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"}, "id": did,
			"alsoKnownAs": names, "verificationMethod": keys, "service": services}
		return
	}
	doc, ok := d.docs[did]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/did+ld+json")
	json.NewEncoder(w).Encode(doc)
}

// realNetwork starts it, or skips the test and says what is missing.
func realNetwork(t *testing.T) *real {
	node := routetest.Installed(t, "node_modules", "node-linux-"+map[string]string{"amd64": "x64"}[runtime.GOARCH]+map[string]string{"arm64": "arm64"}[runtime.GOARCH], "bin", "node")
	home := routetest.Installed(t)
	database := storetest.EmptyPostgresDSN(t)
	plc := httptest.NewServer(&directory{docs: map[string]any{}})
	t.Cleanup(plc.Close)
	book := strings.Replace(plc.URL, "127.0.0.1", "localhost", 1) // a bare address is none that the two would ask
	n := &real{t: t, service: ozoneDID}
	run := func(script string, env ...string) *exec.Cmd {
		source, err := os.Open("testdata/" + script)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { source.Close() })
		// From its standard input a program finds packages from the folder where it runs.
		cmd := exec.Command(node, "--input-type=module", "-")
		cmd.Dir, cmd.Stdin = home, source
		cmd.Env = append([]string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "LOG_ENABLED=true", "LOG_LEVEL=warn", "NODE_NO_WARNINGS=1"}, env...)
		return cmd
	}
	data := t.TempDir()
	port := strconv.Itoa(freeport.Port())
	n.pds = "http://localhost:" + port
	routetest.Start(t, run("pds.mjs",
		"PDS_PORT="+port, "PDS_HOSTNAME=localhost", "PDS_DEV_MODE=true", "PDS_DATA_DIRECTORY="+data, "PDS_BLOBSTORE_DISK_LOCATION="+data+"/blobs",
		"PDS_DID_PLC_URL="+book, "PDS_JWT_SECRET=jwt", "PDS_ADMIN_PASSWORD="+admin, "PDS_DPOP_SECRET="+strings.Repeat("b", 64),
		"PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX="+strings.Repeat("1", 64), "PDS_SERVICE_HANDLE_DOMAINS=.test", "PDS_INVITE_REQUIRED=false",
		"PDS_DISABLE_SSRF_PROTECTION=true"), n.pds+"/xrpc/_health")
	port = strconv.Itoa(freeport.Port())
	n.ozone = "http://localhost:" + port
	n.stopOzone = routetest.Start(t, run("ozone.mjs",
		"OZONE_PORT="+port, "OZONE_DEV_MODE=true", "OZONE_PUBLIC_URL="+n.ozone, "OZONE_SERVER_DID="+ozoneDID, "OZONE_SIGNING_KEY_HEX="+ozoneKey,
		"OZONE_DB_POSTGRES_URL="+database, "OZONE_DB_POSTGRES_SCHEMA=ozone", "OZONE_DID_PLC_URL="+book, "OZONE_ADMIN_PASSWORD="+admin,
		"OZONE_APPVIEW_URL="+n.pds, "OZONE_APPVIEW_DID=did:web:localhost", "OZONE_PDS_URL="+n.pds, "OZONE_PDS_DID=did:web:localhost"), n.ozone+"/xrpc/_health")
	ask(t, book+"/"+ozoneDID, "", map[string]any{"verificationMethods": map[string]string{"atproto_label": "did:key:" + ozonePublic, "atproto": "did:key:" + ozonePublic},
		"services": map[string]any{"atproto_labeler": map[string]string{"type": "AtprotoLabeler", "endpoint": n.ozone}}}, nil)
	return n
}

// ask asks one of the servers for something that the test needs done, and fails the test when it is not.
func ask(t *testing.T, address, auth string, body, into any) {
	t.Helper()
	text, _ := json.Marshal(body)
	req, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	answered(t, req, auth, into)
}

func answered(t *testing.T, req *http.Request, auth string, into any) {
	t.Helper()
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(res.Body)
	if res.StatusCode >= 300 {
		t.Fatalf("%s answered %d: %s", req.URL.Path, res.StatusCode, said)
	}
	if into != nil {
		if err := json.Unmarshal(said, into); err != nil {
			t.Fatal(err)
		}
	}
}

// person has an account.
type person struct{ DID, Handle, AccessJwt string }

func (p person) auth() string { return "Bearer " + p.AccessJwt }

func (n *real) register(name string) (p person) {
	n.t.Helper()
	ask(n.t, n.pds+"/xrpc/com.atproto.server.createAccount", "", map[string]string{"handle": name + ".test", "email": name + "@example.org", "password": "password of " + name}, &p)
	return p
}

// says posts something as a person, and returns what the desk reads from its address.
func (n *real) says(p person, text string) (t route.Target, uri, cid string) {
	n.t.Helper()
	var is struct{ URI, CID string }
	ask(n.t, n.pds+"/xrpc/com.atproto.repo.createRecord", p.auth(), map[string]any{"repo": p.DID, "collection": "app.bsky.feed.post",
		"record": map[string]any{"$type": "app.bsky.feed.post", "text": text, "createdAt": time.Now().UTC().Format(time.RFC3339)}}, &is)
	key := is.URI[strings.LastIndex(is.URI, "/")+1:]
	return route.Target{Platform: "bluesky", Kind: route.Item, Account: p.Handle, Item: key, Address: "https://bsky.app/profile/" + p.Handle + "/post/" + key}, is.URI, is.CID
}

func (n *real) keys(name string) route.Credentials {
	return route.Credentials(fmt.Sprintf(`{"pds": %q, "view": %q, "identifier": "%s.test", "password": "password of %s", "service": %q}`, n.pds, n.pds, name, name, n.service))
}

// events are the reports that Ozone has about a subject, as its moderators see them.
func (n *real) events(subject string) []event {
	n.t.Helper()
	req, _ := http.NewRequest(http.MethodGet, n.ozone+"/xrpc/tools.ozone.moderation.queryEvents?types=tools.ozone.moderation.defs%23modEventReport&subject="+subject, nil)
	req.SetBasicAuth("admin", admin)
	var is struct{ Events []event }
	answered(n.t, req, "", &is)
	return is.Events
}

type event struct {
	ID        int64
	CreatedBy string
	Event     struct{ Comment, ReportType string }
	Subject   struct{ DID, URI, CID string }
}

// With a real PDS and a real Ozone: what is filed is there as it was sent, in our account's name, once; what is gone is seen
// to be; and what fails says what became of it.
func TestARealNetwork(t *testing.T) {
	n := realNetwork(t)
	us, them := n.register("helpline"), n.register("theo")
	r := atproto.New(client)
	about := func(target route.Target, id string) route.Notice {
		notice := notice()
		notice.ID, notice.Target = id, target
		return notice
	}
	resolve := func(t *testing.T, target route.Target) route.Found {
		t.Helper()
		f, err := r.Resolve(t.Context(), target, n.keys("helpline"))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}

	t.Run("a post", func(t *testing.T) {
		target, uri, cid := n.says(them, "You know whom I mean.")
		f := resolve(t, target)
		if f != (route.Found{Account: them.DID, Item: uri, Version: cid}) {
			t.Fatalf("found %+v", f)
		}
		notice := about(target, "0193f0aa-4444-7000-8000-000000000001")
		begin := time.Now()
		sent, err := r.Send(t.Context(), notice, f, n.keys("helpline"))
		if err != nil {
			t.Fatal(err)
		}
		all := n.events(uri)
		if len(all) != 1 {
			t.Fatalf("%d reports arrived", len(all))
		}
		got := all[0]
		if got.Event.Comment != notice.Marked() || got.Event.ReportType != "tools.ozone.report.defs#reasonChildSafetyHarassment" || got.CreatedBy != us.DID ||
			got.Subject.URI != uri || got.Subject.CID != cid || strconv.FormatInt(got.ID, 10) != sent.Reference || sent.State != route.Received {
			t.Errorf("sent %+v, arrived %+v", sent, got)
		}
		if sent.At.Before(begin.Add(-time.Minute)) || sent.At.After(time.Now().Add(time.Minute)) {
			t.Errorf("at %v", sent.At)
		}
		// This Ozone has no inbox for reporters.
		trace, err := r.Reconcile(t.Context(), notice, f, begin, n.keys("helpline"))
		if err != nil || trace.Arrival != route.AskAHuman || trace.Why != "route.why.no_list" {
			t.Errorf("%+v, %v", trace, err)
		}
		fate, err := r.Follow(t.Context(), notice, f, sent, n.keys("helpline"))
		if err != nil || fate.State != route.Untold {
			t.Errorf("%+v, %v", fate, err)
		}
	})

	t.Run("an account", func(t *testing.T) {
		target := route.Target{Kind: route.Account, Account: "theo.test"}
		f := resolve(t, target)
		if _, err := r.Send(t.Context(), about(target, "0193f0aa-4444-7000-8000-000000000002"), f, n.keys("helpline")); err != nil {
			t.Fatal(err)
		}
		if all := n.events(them.DID); len(all) != 1 || all[0].Subject.DID != them.DID || all[0].Subject.URI != "" {
			t.Errorf("%+v", all)
		}
	})

	t.Run("a post that goes", func(t *testing.T) {
		look := func(target route.Target, f route.Found) route.Seen {
			t.Helper()
			seen, err := r.Look(t.Context(), target, f, n.keys("helpline"))
			if err != nil {
				t.Fatal(err)
			}
			return seen
		}
		target, uri, cid := n.says(them, "Another one.")
		f := resolve(t, target)
		if seen := look(target, f); seen.Sight != route.There {
			t.Errorf("posted: %+v", seen)
		}
		takedown := func(applied bool) {
			ask(t, n.pds+"/xrpc/com.atproto.admin.updateSubjectStatus", basic(), map[string]any{
				"subject": map[string]string{"$type": "com.atproto.repo.strongRef", "uri": uri, "cid": cid}, "takedown": map[string]any{"applied": applied, "ref": "1"}}, nil)
		}
		takedown(true)
		if seen := look(target, f); seen.Sight != route.Gone {
			t.Errorf("taken down: %+v", seen)
		}
		_, err := r.Resolve(t.Context(), target, n.keys("helpline"))
		refusedWith(t, err, "fault.route.gone")
		takedown(false)
		if seen := look(target, f); seen.Sight != route.There {
			t.Errorf("back again: %+v", seen)
		}
		ask(t, n.pds+"/xrpc/com.atproto.repo.putRecord", them.auth(), map[string]any{"repo": them.DID, "collection": "app.bsky.feed.post", "rkey": target.Item,
			"record": map[string]any{"$type": "app.bsky.feed.post", "text": "Changed.", "createdAt": time.Now().UTC().Format(time.RFC3339)}}, nil)
		if seen := look(target, f); seen != (route.Seen{Sight: route.Unsure, Why: "route.why.changed"}) {
			t.Errorf("changed: %+v", seen)
		}
		ask(t, n.pds+"/xrpc/com.atproto.repo.deleteRecord", them.auth(), map[string]any{"repo": them.DID, "collection": "app.bsky.feed.post", "rkey": target.Item}, nil)
		if seen := look(target, f); seen != (route.Seen{Sight: route.Gone, Why: "route.why.not_found"}) {
			t.Errorf("deleted: %+v", seen)
		}
	})

	t.Run("an account that goes", func(t *testing.T) {
		her := n.register("lise")
		target := route.Target{Kind: route.Account, Account: "lise.test"}
		f := resolve(t, target)
		ask(t, n.pds+"/xrpc/com.atproto.server.deactivateAccount", her.auth(), map[string]any{}, nil)
		if seen, err := r.Look(t.Context(), target, f, n.keys("helpline")); err != nil || seen.Sight != route.Gone {
			t.Errorf("%+v, %v", seen, err)
		}
		_, err := r.Resolve(t.Context(), route.Target{Kind: route.Account, Account: "nobody.test"}, n.keys("helpline"))
		refusedWith(t, err, "fault.route.gone")
	})

	t.Run("what is refused", func(t *testing.T) {
		target, uri, _ := n.says(them, "A third one.")
		f := resolve(t, target)
		_, err := r.Send(t.Context(), about(target, "0193f0aa-4444-7000-8000-000000000003"), f,
			route.Credentials(strings.Replace(string([]byte(n.keys("helpline"))), "password of helpline", "another", 1)))
		refusedWith(t, err, "fault.route.credentials")
		nowhere := route.Credentials(strings.Replace(string([]byte(n.keys("helpline"))), ozoneDID, "did:plc:nowhereaaaaaaaaaaaaaaaaa", 1))
		_, err = r.Send(t.Context(), about(target, "0193f0aa-4444-7000-8000-000000000003"), f, nowhere)
		refusedWith(t, err, "fault.route.taken_not")
		if all := n.events(uri); len(all) != 0 {
			t.Errorf("something was filed: %+v", all)
		}
	})

	// Last, because there is no Ozone after it.
	t.Run("a service that is down", func(t *testing.T) {
		target, _, _ := n.says(them, "A fourth one.")
		f := resolve(t, target)
		n.stopOzone()
		_, err := r.Send(t.Context(), about(target, "0193f0aa-4444-7000-8000-000000000004"), f, n.keys("helpline"))
		var unknown *route.Unknown
		if !errors.As(err, &unknown) {
			t.Errorf("%v", err)
		}
	})
}

func basic() string {
	req := http.Request{Header: http.Header{}}
	req.SetBasicAuth("admin", admin)
	return req.Header.Get("Authorization")
}
