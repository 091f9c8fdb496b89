package push_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/blob"
	"vigie/internal/casefile/casetest"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/jobs"
	"vigie/internal/push"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// service is a pretend push service. It answers with the codes it is told, the last of them again and again.
type service struct {
	*httptest.Server
	mu    sync.Mutex
	codes []int
	after string // Retry-After
	slow  time.Duration
	heard []heard
}

type heard struct {
	path string
	http.Header
	body   []byte
	length int64
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.heard = append(s.heard, heard{r.URL.Path, r.Header.Clone(), body, r.ContentLength})
	code, slow := http.StatusCreated, s.slow
	if len(s.codes) > 0 {
		code = s.codes[0]
		if len(s.codes) > 1 {
			s.codes = s.codes[1:]
		}
	}
	if s.after != "" {
		w.Header().Set("Retry-After", s.after)
	}
	s.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-r.Context().Done():
	}
	w.WriteHeader(code)
}

func (s *service) all() []heard {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]heard{}, s.heard...)
}

type world struct {
	*casetest.World
	*push.Push
	chats   *chat.Chats
	jobs    *jobs.Jobs
	service *service
	options push.Options
}

func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{World: casetest.New(t, db, time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)), service: &service{}}
		w.service.Server = httptest.NewTLSServer(w.service)
		t.Cleanup(w.service.Close)
		disk, err := blob.OpenDisk(t.TempDir())
		w.Must(err)
		w.chats, err = chat.New(chat.Options{DB: w.DB, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Contacts: w.Contacts, Blobs: disk, Catalogue: w.Catalogue, Now: w.Now})
		w.Must(err)
		t.Cleanup(w.chats.Close)
		at, _ := url.Parse(w.service.URL)
		client := w.service.Client()
		client.Timeout = 2 * time.Second
		w.options = push.Options{DB: db, Keys: w.Keys, Contacts: w.Contacts, Carrier: client, Services: []string{at.Hostname()}, Ports: []string{at.Port()}, Subject: "https://vigie.example", Now: w.Now}
		w.Push, w.jobs = w.node()
		test(w)
	})
}

// node is a process that works on the record.
func (w *world) node() (*push.Push, *jobs.Jobs) {
	w.T.Helper()
	o := w.options
	o.Jobs = jobs.New(jobs.Options{DB: w.DB, Now: w.Now, Poll: 20 * time.Millisecond, StopWithin: time.Millisecond})
	p, err := push.New(o)
	w.Must(err)
	return p, o.Jobs
}

// talks is a child who talks with Claire.
func (w *world) talks() contact.Contact {
	w.T.Helper()
	ct := w.Child("")
	w.Must(w.DB.Tx(w.Ctx, func(tx *store.Tx) error {
		var err error
		ct, err = w.Contacts.Move(w.Ctx, tx, ct.ID, contact.Take, casetest.Claire, contact.Change{})
		return err
	}))
	return ct
}

func (w *world) answers(ct contact.Contact) chat.Message {
	w.T.Helper()
	m, err := w.chats.Send(w.Ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Staff, AuthorID: casetest.Claire.ID, Body: "Je suis là, Solveig."})
	w.Must(err)
	return m
}

// asks is her browser that wants to be told.
func (w *world) asks(ct contact.Contact, device string) string {
	w.T.Helper()
	endpoint := w.service.URL + "/send/" + device
	w.Must(w.Subscribe(w.Ctx, ct.ID, endpoint))
	return endpoint
}

// passes has so much time go by, the sweep look, and the jobs be worked.
func (w *world) passes(d time.Duration) {
	w.T.Helper()
	w.Forward(d)
	w.Must(w.Sweep(w.Ctx))
	w.worked(w.jobs)
}

// worked runs jobs until none is due.
func (w *world) worked(all ...*jobs.Jobs) {
	w.T.Helper()
	ctx, stop := context.WithCancel(w.Ctx)
	var ended sync.WaitGroup
	for _, j := range all {
		ended.Go(func() { j.Run(ctx) })
	}
	for deadline := time.Now().Add(10 * time.Second); w.due() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.T.Fatal("the jobs are not done")
		}
	}
	stop()
	ended.Wait()
}

// due counts the jobs that would be worked now.
func (w *world) due() int {
	w.T.Helper()
	return w.Count(`SELECT count(*) FROM job WHERE state <> 'failed' AND run_at <= $1`, store.Millis(w.Now()))
}

func (w *world) rows() int { return w.Count(`SELECT count(*) FROM push_subscription`) }

func (w *world) told(n int) []heard {
	w.T.Helper()
	all := w.service.all()
	if len(all) != n {
		w.T.Fatalf("the push service was asked %d times, want %d", len(all), n)
	}
	return all
}

// Staff writes, and nobody is there for a minute: one request goes out, and says nothing.
func TestSomebodyWhoIsAwayIsToldOnce(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.talks()
		w.asks(ct, "d1")
		w.passes(time.Hour)
		w.told(0) // nobody wrote
		w.answers(ct)
		w.passes(50 * time.Second)
		w.told(0)
		w.passes(11 * time.Second)
		h := w.told(1)[0]
		w.passes(time.Hour)
		w.told(1) // of the same message nobody is told twice
		if h.path != "/send/d1" || len(h.body) != 0 || h.length != 0 {
			t.Errorf("%s with %q", h.path, h.body)
		}
		for name, want := range map[string]string{"Ttl": "86400", "Urgency": "high", "Topic": "1"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
		for name, values := range h.Header {
			said := strings.Join(values, " ")
			for _, never := range []string{ct.ID, ct.PersonID, "Solveig", "Claire", "/chat"} {
				if strings.Contains(said, never) {
					t.Errorf("%s says %s", name, never)
				}
			}
			switch name {
			case "Authorization", "Ttl", "Urgency", "Topic", "User-Agent", "Accept-Encoding", "Content-Length":
			default:
				t.Errorf("the request says %s: %s", name, said)
			}
		}
		w.verifies(h)
	})
}

// verifies reads the token as a push service does.
func (w *world) verifies(h heard) {
	w.T.Helper()
	rest, ok := strings.CutPrefix(h.Get("Authorization"), "vapid t=")
	token, k, both := strings.Cut(rest, ", k=")
	parts := strings.Split(token, ".")
	if !ok || !both || len(parts) != 3 || k != w.PublicKey() {
		w.T.Fatalf("authorization %q", h.Get("Authorization"))
	}
	raw := func(text string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(text)
		w.Must(err)
		return b
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw(k))
	w.Must(err)
	signature := raw(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if len(signature) != 64 || !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		w.T.Error("the signature is not of the key")
	}
	var head struct{ Typ, Alg string }
	w.Must(json.Unmarshal(raw(parts[0]), &head))
	var claims map[string]any
	w.Must(json.Unmarshal(raw(parts[1]), &claims))
	if head.Alg != "ES256" || head.Typ != "JWT" || claims["aud"] != w.service.URL || claims["sub"] != "https://vigie.example" || len(claims) != 3 {
		w.T.Errorf("%+v %v", head, claims)
	}
	if left := time.Unix(int64(claims["exp"].(float64)), 0).Sub(w.Now()); left <= 0 || left > 24*time.Hour {
		w.T.Errorf("the token holds for %s", left)
	}
}

// Her page took it in: she is there, and nothing is sent.
func TestSomebodyWhoIsThereIsNotTold(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.talks()
		w.asks(ct, "d1")
		m := w.answers(ct)
		w.chats.Mark(ct.ID, chat.Visitor, m.Seq, 0)
		w.eventually(func() bool { visitor, _, _ := w.chats.Marks(w.Ctx, ct.ID); return visitor.Delivered == m.Seq })
		w.passes(5 * time.Minute)
		w.told(0)
		// She closes it, and another message comes.
		w.answers(ct)
		w.passes(2 * time.Minute)
		w.told(1)
		// Another within ten minutes waits for their end.
		w.answers(ct)
		w.passes(8 * time.Minute)
		w.told(1)
		w.passes(2*time.Minute + time.Second)
		w.told(2)
	})
}

func (w *world) eventually(holds func() bool) {
	w.T.Helper()
	for deadline := time.Now().Add(5 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.T.Fatal("it never held")
		}
	}
}

// Whatever two nodes do at the same moment, each browser is told once.
func TestTwoNodesTellOnce(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.talks()
		w.asks(ct, "phone")
		w.asks(ct, "computer")
		other, work := w.node()
		w.answers(ct)
		w.Forward(2 * time.Minute)
		var both sync.WaitGroup
		for _, p := range []*push.Push{w.Push, other, w.Push, other} {
			both.Go(func() {
				if err := p.Sweep(w.Ctx); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		w.worked(w.jobs, work)
		paths := map[string]int{}
		for _, h := range w.told(2) {
			paths[h.path]++
		}
		if paths["/send/phone"] != 1 || paths["/send/computer"] != 1 {
			t.Errorf("%v", paths)
		}
		if w.PublicKey() != other.PublicKey() {
			t.Error("two nodes have two keys")
		}
	})
}

// What a push service answers decides what becomes of the row and of the job.
func TestWhatAServiceAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		codes      []int
		after      string
		asked      int // within an hour
		rows, fail int
	}{
		"not found":      {codes: []int{404}, asked: 1},
		"gone":           {codes: []int{410}, asked: 1},
		"busy":           {codes: []int{429, 201}, asked: 2, rows: 1},
		"busy until":     {codes: []int{429, 201}, after: "120", asked: 2, rows: 1},
		"broken":         {codes: []int{500, 503, 201}, asked: 3, rows: 1},
		"broken forever": {codes: []int{500}, asked: 8, rows: 1, fail: 1},
		"not ours":       {codes: []int{403}, asked: 1, fail: 1},
		"elsewhere":      {codes: []int{302}, asked: 1, fail: 1},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(w *world) {
				w.service.codes, w.service.after = c.codes, c.after
				ct := w.talks()
				w.asks(ct, "d1")
				w.answers(ct)
				w.passes(2 * time.Minute)
				for range 200 {
					w.Forward(time.Minute)
					w.worked(w.jobs)
				}
				w.told(c.asked)
				if n := w.rows(); n != c.rows {
					t.Errorf("%d rows are left", n)
				}
				if n := w.Count(`SELECT count(*) FROM job WHERE state = 'failed'`); n != c.fail {
					t.Errorf("%d jobs failed", n)
				}
			})
		})
	}
}

// A service that does not answer is asked again.
func TestAServiceThatDoesNotAnswer(t *testing.T) {
	onEach(t, func(w *world) {
		client := w.options.Carrier.(*http.Client)
		client.Timeout = 100 * time.Millisecond
		w.service.slow = 400 * time.Millisecond
		ct := w.talks()
		w.asks(ct, "d1")
		w.answers(ct)
		w.passes(2 * time.Minute)
		w.told(1)
		w.service.mu.Lock()
		w.service.slow = 0
		w.service.mu.Unlock()
		client.Timeout = 2 * time.Second
		w.passes(2 * time.Minute)
		w.told(2)
		if w.rows() != 1 {
			t.Error("the browser is forgotten")
		}
	})
}

// Once the contact is over nobody is told, whatever waited already; nor when she left quickly, or was erased.
func TestNothingIsSentOnceItIsOver(t *testing.T) {
	for name, ends := range map[string]func(w *world, ct contact.Contact) error{
		"goodbye": func(w *world, ct contact.Contact) error {
			_, err := w.Contacts.EndConversation(w.Ctx, ct.ID, casetest.Claire, contact.Change{})
			return err
		},
		"left quickly": func(w *world, ct contact.Contact) error {
			_, err := w.Contacts.LeaveQuickly(w.Ctx, ct.ID)
			return err
		},
		"erased": func(w *world, ct contact.Contact) error {
			return w.Contacts.Erase(w.Ctx, ct.ID, casetest.Nadia, "test")
		},
		"taken back": func(w *world, ct contact.Contact) error {
			return w.Unsubscribe(w.Ctx, ct.ID, w.service.URL+"/send/d1")
		},
		"all taken back": func(w *world, ct contact.Contact) error { return w.Unsubscribe(w.Ctx, ct.ID, "") },
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(w *world) {
				ct := w.talks()
				w.asks(ct, "d1")
				w.answers(ct)
				w.Forward(2 * time.Minute)
				w.Must(w.Sweep(w.Ctx)) // promised, and not yet sent
				w.Must(ends(w, ct))
				w.worked(w.jobs)
				w.passes(time.Hour)
				w.told(0)
				if w.rows() != 0 {
					t.Error("a row is left")
				}
			})
		})
	}
}

// Somebody who left a message is told of the answer although the contact is closed with it, and of nothing else.
func TestAMessageThatWasLeft(t *testing.T) {
	onEach(t, func(w *world) {
		left := func() contact.Contact {
			ct, _, err := w.chats.LeaveMessage(w.Ctx, chat.Leaving{ID: store.NewID(), MessageID: store.NewID(), Lang: "fr", Text: "j'ai besoin d'aide"})
			w.Must(err)
			w.asks(ct, "d"+ct.ID[len(ct.ID)-4:])
			w.Must(w.DB.Tx(w.Ctx, func(tx *store.Tx) error {
				_, err := w.Contacts.Move(w.Ctx, tx, ct.ID, contact.Take, casetest.Claire, contact.Change{})
				return err
			}))
			return ct
		}
		over := func(ct contact.Contact) {
			_, err := w.Contacts.EndConversation(w.Ctx, ct.ID, casetest.Claire, contact.Change{})
			w.Must(err)
		}
		answered, unanswered := left(), left()
		w.answers(answered)
		over(answered)
		over(unanswered)
		w.passes(2 * time.Minute)
		w.told(1)
		if w.rows() != 0 {
			t.Errorf("%d rows are left", w.rows())
		}
	})
}

// Only a browser's own push service is ever asked: an address is data that a stranger names.
func TestWhoMayBeAsked(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.talks()
		for _, endpoint := range []string{
			"", "http://127.0.0.1/x", "https://localhost/x", "https://169.254.169.254/latest", "https://user@127.0.0.1/x", "https://127.0.0.1:22/x",
			"https://127.0.0.1.evil.example/", "https://evil.example/?127.0.0.1", "file:///etc/passwd", "https://[::1]/", "https://127.0.0.1/" + strings.Repeat("x", 3000), "https:127.0.0.1",
		} {
			w.Refused(w.Subscribe(w.Ctx, ct.ID, endpoint), "fault.push.endpoint")
		}
		if w.rows() != 0 {
			t.Error("one of them is kept")
		}
		w.options.Services = []string{"*.push.apple.com", "fcm.googleapis.com"}
		p, _ := w.node()
		for endpoint, ok := range map[string]bool{
			"https://web.push.apple.com/QD": true, "https://a.b.push.apple.com/": true, "https://fcm.googleapis.com/fcm/send/x": true, "https://FCM.googleapis.com:443/x": true,
			"https://push.apple.com/": false, "https://evilpush.apple.com/": false, "https://fcm.googleapis.com.evil.example/": false, "https://x.fcm.googleapis.com/": false, "https://fcm.googleapis.com:8443/": false,
		} {
			if err := p.Subscribe(w.Ctx, ct.ID, endpoint); (err == nil) != ok {
				t.Errorf("%s: %v", endpoint, err)
			}
		}
		w.options.Services = nil
		off, _ := w.node()
		w.Refused(off.Subscribe(w.Ctx, ct.ID, "https://fcm.googleapis.com/x"), "fault.push.off")
		if off.PublicKey() != "" {
			t.Error("it is off, and has a key")
		}
	})
}

// Asked twice is asked once; there is an end to how many browsers one contact has; a contact that is over takes none; where a browser is
// reached is in the record only sealed.
func TestWhatIsKept(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.talks()
		w.asks(ct, "secret-device")
		w.asks(ct, "secret-device")
		if w.rows() != 1 {
			t.Fatalf("%d rows", w.rows())
		}
		if on, err := w.Waiting(w.Ctx, ct.ID); err != nil || !on {
			t.Errorf("%v %v", on, err)
		}
		for _, device := range []string{"2", "3", "4", "5"} {
			w.asks(ct, device)
		}
		w.Refused(w.Subscribe(w.Ctx, ct.ID, w.service.URL+"/send/6"), "fault.push.many")
		raw, err := store.All(w.Ctx, w.DB, func(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT endpoint_sealed FROM push_subscription`)
		w.Must(err)
		for _, b := range raw {
			if strings.Contains(string(b), "secret") || strings.Contains(string(b), "127.0.0.1") {
				t.Error("an address lies in clear")
			}
		}
		w.passes(31 * 24 * time.Hour)
		if w.rows() != 0 {
			t.Error("a wait is never forgotten")
		}
		over := w.talks()
		_, err = w.Contacts.EndConversation(w.Ctx, over.ID, casetest.Claire, contact.Change{})
		w.Must(err)
		w.Refused(w.Subscribe(w.Ctx, over.ID, w.service.URL+"/send/7"), "fault.push.over")
	})
}
