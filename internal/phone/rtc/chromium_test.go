package rtc_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/rtc"
)

// desk serves one page with the real <soft-phone> on it and answers its posts as the desk does.
type desk struct {
	t      *testing.T
	server *rtc.Server

	mu       sync.Mutex
	state    string // of the call
	attached string
	attaches []string // peers, in their order, "!" before those that insisted
	quality  int
	stop     chan struct{}

	ear     sync.Mutex // of its own: a packet that is handed on waits for nobody who asks the peer for something
	samples []float64  // what the counsellor said, decoded
}

const staffID = "camille"

func (d *desk) piece() string {
	return fmt.Sprintf(`<div id="phone-call" data-phone-call data-contact="c1" data-node="n1" data-attached="%s" data-state="%s" data-act="/desk/phone/calls/c1"></div>`, d.attached, d.state)
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	page := func(html string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, html)
	}
	switch {
	case path[0] == "assets":
		http.ServeFile(w, r, filepath.Join(dist, filepath.Base(r.URL.Path)))
	case r.URL.Path == "/desk" || r.URL.Path == "/desk/history":
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; media-src 'self'; form-action 'self'; require-trusted-types-for 'script'; trusted-types vigie")
		page(`<!DOCTYPE html><html lang="fr"><head><title>` + path[len(path)-1] + `</title><link rel="icon" href="/assets/` + manifest()["mark.svg"] + `"><script type="module" src="/assets/` + manifest()["desk.js"] + `"></script></head>
<body class="desk"><header><a id="away" href="/desk/history">Historique</a></header>
<soft-phone id="soft-phone" data-node="n1" data-raw data-say-elsewhere="ailleurs" data-say-connected="ouverte" data-say-silent="silence">
<button data-phone-take aria-pressed="false">Prendre les appels</button><button data-phone-mute aria-pressed="false">Couper</button>` + d.piece() + `
<button data-phone-here hidden>Ici</button><button data-phone-unblock hidden>Entendre</button><button data-phone-test>Essai</button>
<input data-phone-volume type="range"><meter data-phone-level-in></meter><meter data-phone-level-out></meter><p data-phone-status></p></soft-phone>
<main id="main"><h1>` + r.URL.Path + `</h1></main></body></html>`)
	case r.URL.Path == "/desk/phone/ice":
		_ = json.NewEncoder(w).Encode(d.server.ICEServers())
	case r.URL.Path == "/desk/phone/ready":
	case len(path) == 5 && path[2] == "peers" && path[4] == "offer":
		answer, err := d.server.Offer(r.Context(), path[3], staffID, r.PostFormValue("sdp"))
		if fault.Is(err, fault.NotFound) {
			http.NotFound(w, r)
			return
		}
		if err != nil {
			d.t.Error(err)
			http.Error(w, "no", http.StatusUnprocessableEntity)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"sdp": answer, "iceServers": d.server.ICEServers()})
	case len(path) == 5 && path[2] == "peers" && path[4] == "candidates":
		_ = r.ParseForm()
		_ = d.server.Candidates(path[3], staffID, r.PostForm["candidate"])
	case len(path) == 5 && path[2] == "peers" && path[4] == "close":
		d.server.Drop(path[3], staffID)
	case len(path) == 5 && path[4] == "attach":
		d.attach(w, r.PostFormValue("peer"), r.PostFormValue("force") == "1", page)
	case len(path) == 5 && path[4] == "quality":
		d.quality++
	case r.URL.Path == "/test/drop":
		d.server.Drop(d.attached, staffID)
	default:
		http.NotFound(w, r)
	}
}

func (d *desk) attach(w http.ResponseWriter, peerID string, force bool, page func(string)) {
	peer, ok := d.server.Peer(peerID)
	if !ok {
		http.NotFound(w, nil)
		return
	}
	if d.attached != "" && d.attached != peerID && !force {
		http.Error(w, "ailleurs", http.StatusConflict)
		return
	}
	mark := ""
	if force {
		mark = "!"
	}
	d.attached = peerID
	d.attaches = append(d.attaches, mark+peerID)
	peer.Hears([]string{"caller"})
	peer.Speaks(func(p *media.Packet) {
		d.ear.Lock()
		defer d.ear.Unlock()
		if p.Codec != audio.PCMA {
			d.t.Errorf("the browser speaks %v", p.Codec)
		}
		for _, b := range p.Payload {
			d.samples = append(d.samples, fromA(b))
		}
		if over := len(d.samples) - 8000; over > 0 {
			d.samples = d.samples[over:]
		}
	})
	page(d.piece())
}

// caller speaks a tone into the line that is attached, 50 packets a second by the clock.
func (d *desk) caller(pitch float64) {
	began := time.Now()
	for n := 0; ; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(n) * 20 * time.Millisecond)))
		select {
		case <-d.stop:
			return
		default:
		}
		payload := make([]byte, 160)
		for i := range payload {
			payload[i] = toA(0.5 * math.Sin(2*math.Pi*pitch*float64(n*160+i)/8000))
		}
		d.mu.Lock()
		attached := d.attached
		d.mu.Unlock()
		if peer, ok := d.server.Peer(attached); ok {
			peer.Hear("caller", &media.Packet{Codec: audio.PCMA, Payload: payload, Sequence: uint16(n), Timestamp: uint32(n * 160)})
		}
	}
}

var dist = filepath.Join("..", "..", "web", "assets", "dist")

func manifest() map[string]string {
	all := map[string]string{}
	raw, _ := os.ReadFile(filepath.Join(dist, "manifest.json"))
	_ = json.Unmarshal(raw, &all)
	return all
}

// missing ends a test that cannot run here, in a sentence; where nothing may be skipped it fails.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("VIGIE_FORBID_SKIPS") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func TestARealBrowserSpeaksAndHearsThroughAReloadAndAnotherPage(t *testing.T) {
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		chromium = "/usr/bin/chromium"
	}
	modules, err := filepath.Abs(filepath.Join("..", "..", "..", "node_modules", "@playwright", "test", "index.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	for what, path := range map[string]string{"there is no Chromium at " + chromium: chromium, "npm ci has not been run": modules, "the screens are not built (make build)": filepath.Join(dist, "manifest.json")} {
		if _, err := os.Stat(path); err != nil {
			missing(t, what)
		}
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, "there is no node")
	}
	d := &desk{t: t, server: open(t, rtc.Options{}), state: "talking", stop: make(chan struct{})}
	web := httptest.NewServer(d)
	defer web.Close()
	var calling sync.WaitGroup
	calling.Go(func() { d.caller(440) })
	defer calling.Wait()
	defer close(d.stop)

	folder := t.TempDir()
	voice := filepath.Join(folder, "880.wav")
	if err := os.WriteFile(voice, wav(880, 120), 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(folder, "browser.mjs")
	if err := os.WriteFile(script, []byte("import { chromium } from "+jsString("file://"+modules)+";\n"+browserScript), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	node := exec.CommandContext(ctx, "node", script, web.URL, chromium, voice)
	node.Stderr = os.Stderr
	said, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	told, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = node.Process.Kill(); _ = node.Wait() }()
	lines := bufio.NewScanner(said)
	// Each line of the script is one state of the page, measured there; meanwhile we measure here.
	for _, want := range []string{"talking", "after a reload", "on another page", "back", "after ICE began anew", "after the server lost the line", "muted"} {
		if !lines.Scan() {
			t.Fatalf("the browser said nothing of %q: %v", want, lines.Err())
		}
		var got struct {
			Name        string
			Heard, Self float64
			Pages       int
			Phone       bool
			Codec       string
		}
		if err := json.Unmarshal(lines.Bytes(), &got); err != nil || got.Name != want {
			t.Fatalf("%q: %s", want, lines.Text())
		}
		d.ear.Lock()
		hers, echo := goertzel(d.samples, 880, 8000), goertzel(d.samples, 440, 8000)
		d.ear.Unlock()
		t.Logf("%s: she hears 440 Hz at %.3f and herself at %.3f; we hear her 880 Hz at %.3f and the caller at %.3f", want, got.Heard, got.Self, hers, echo)
		if decibels(got.Heard, 0.5) > 1 {
			t.Errorf("%s: she hears the caller at %.3f, not 0.5", want, got.Heard)
		}
		if got.Self > 0.01 {
			t.Errorf("%s: she hears herself at %.3f", want, got.Self)
		}
		if want == "muted" {
			if hers > 0.01 {
				t.Errorf("her microphone is off and is heard at %.3f", hers)
			}
		} else if decibels(hers, 0.5) > 1 {
			t.Errorf("%s: we hear her at %.3f, not 0.5", want, hers)
		}
		if echo > 0.01 {
			t.Errorf("%s: the caller's tone comes back at %.3f", want, echo)
		}
		if want == "on another page" && (got.Pages != 1 || !got.Phone) {
			t.Errorf("the page was loaded %d times more, the softphone is the same: %v", got.Pages, got.Phone)
		}
		_, _ = io.WriteString(told, "go on\n")
	}
	_ = told.Close()
	if lines.Scan() {
		t.Errorf("the browser says: %s", lines.Text())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	insisted := []bool{}
	for _, a := range d.attaches {
		insisted = append(insisted, strings.HasPrefix(a, "!"))
	}
	if !slices.Equal(insisted, []bool{false, true, true}) {
		t.Errorf("it attached %v: first come, then once more after the reload and after the break", d.attaches)
	}
	if d.quality == 0 {
		t.Error("nothing was told of the line's quality")
	}
}

func jsString(s string) string { raw, _ := json.Marshal(s); return string(raw) }

// decibels is how far a level is from what it should be, either way.
func decibels(got, want float64) float64 { return math.Abs(20 * math.Log10(max(got, 1e-6)/want)) }

// goertzel is the amplitude of one pitch: the middle one of eighths, each in a window of Hann's, because a jitter
// buffer that stretches a tone a little breaks its phase.
func goertzel(samples []float64, pitch, rate float64) float64 {
	n := len(samples) / 8
	if n == 0 {
		return 0
	}
	var all []float64
	for part := range 8 {
		var re, im float64
		for i, s := range samples[part*n : part*n+n] {
			a, hann := 2*math.Pi*pitch*float64(i)/rate, 1-math.Cos(2*math.Pi*float64(i)/float64(n))
			re += s * hann * math.Cos(a)
			im += s * hann * math.Sin(a)
		}
		all = append(all, 2*math.Hypot(re, im)/float64(n))
	}
	slices.Sort(all)
	return all[4]
}

// toA and fromA are A-law (ITU-T G.711), written for a test.
func toA(x float64) byte {
	s := int(x * 32767)
	sign := byte(0x80)
	if s < 0 {
		sign, s = 0, -s-1
	}
	s >>= 3
	var code byte
	if s < 32 {
		code = byte(s >> 1)
	} else {
		e := 1
		for v := s >> 6; v > 0; v >>= 1 {
			e++
		}
		code = byte(e<<4) | byte(s>>e&15)
	}
	return (sign | code) ^ 0x55
}

func fromA(b byte) float64 {
	b ^= 0x55
	e, m := int(b>>4&7), int(b&15)
	s := m<<4 + 8
	if e > 0 {
		s = (m<<4 + 0x108) << (e - 1)
	}
	if b&0x80 == 0 {
		s = -s
	}
	return float64(s) / 32768
}

// wav is a tone of 0.5 for so many seconds, at 48 kHz.
func wav(pitch float64, seconds int) []byte {
	n := 48000 * seconds
	b := make([]byte, 0, 44+2*n)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(36+2*n))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	for _, v := range []uint16{1, 1} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, 48000)
	b = binary.LittleEndian.AppendUint32(b, 96000)
	for _, v := range []uint16{2, 16} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*n))
	for i := range n {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(0.5*32767*math.Sin(2*math.Pi*pitch*float64(i)/48000))))
	}
	return b
}

const browserScript = `
import { createInterface } from "node:readline";
const [, , url, executablePath, voice] = process.argv;
const browser = await chromium.launch({ executablePath, args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
  "--use-file-for-fake-audio-capture=" + voice, "--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required", "--disable-features=WebRtcHideLocalIpsWithMdns"] });
const context = await browser.newContext({ permissions: ["microphone"] });
const page = await context.newPage();
const faults = [];
page.on("pageerror", (e) => faults.push(String(e.stack ?? e)));
page.on("console", (m) => !/404/.test(m.text()) && (m.type() === "error" || /Content.Security/.test(m.text())) && faults.push(m.text()));
let pages = 0;
page.on("load", () => (pages += 1));
await context.addInitScript(() => {
  const Own = RTCPeerConnection;
  window.heard = [];
  window.RTCPeerConnection = class extends Own {
    constructor(...all) {
      super(...all);
      this.addEventListener("track", ({ track }) => window.heard.push(track));
    }
  };
});
// The amplitude of a pitch in a second of what comes out of all tracks together.
const measure = () => page.evaluate(async () => {
  const context = new AudioContext();
  await context.resume();
  const analyser = context.createAnalyser();
  analyser.fftSize = 32768;
  for (const track of window.heard) if (track.readyState === "live") context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  await new Promise((done) => setTimeout(done, 1500));
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const n = samples.length / 8;
  const part = (pitch, from) => {
    let re = 0, im = 0;
    for (let i = 0; i < n; i += 1) {
      const s = samples[from + i] * (1 - Math.cos((2 * Math.PI * i) / n)), a = (2 * Math.PI * pitch * i) / context.sampleRate;
      re += s * Math.cos(a);
      im += s * Math.sin(a);
    }
    return (2 * Math.hypot(re, im)) / n;
  };
  const of = (pitch) => [0, 1, 2, 3, 4, 5, 6, 7].map((k) => part(pitch, k * n)).sort((a, b) => a - b)[4];
  const found = [of(440), of(880)];
  await context.close();
  return found;
});
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const tell = async (name, more = {}) => {
  await page.waitForTimeout(700);
  const [heard, self] = await measure();
  console.log(JSON.stringify({ name, heard, self, pages, phone: await page.evaluate(() => document.querySelector("soft-phone") === window.first), ...more }));
  await input.next();
};
const attached = async (other = "") => {
  await page.waitForFunction((other) => { const at = document.querySelector("[data-phone-call]")?.dataset.attached; return !!at && at !== other; }, other, { timeout: 15000 });
  return page.evaluate(() => document.querySelector("[data-phone-call]").dataset.attached);
};
try {
  await page.goto(url + "/desk");
  const first = await attached();
  await page.waitForTimeout(6000);
  await tell("talking");
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  await attached(first);
  await page.evaluate(() => (window.first = document.querySelector("soft-phone")));
  await tell("after a reload");
  pages = 1;
  await page.click("#away");
  await page.waitForFunction(() => document.querySelector("h1").textContent === "/desk/history");
  await tell("on another page");
  await page.goBack();
  await page.waitForFunction(() => document.querySelector("h1").textContent === "/desk");
  await tell("back");
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await page.waitForTimeout(1500);
  await tell("after ICE began anew");
  const lost = await attached();
  await page.evaluate(() => fetch("/test/drop"));
  const began = Date.now();
  await attached(lost);
  console.error("a line that the server lost is back after", Date.now() - began, "ms");
  await tell("after the server lost the line");
  await page.click("[data-phone-mute]");
  await tell("muted");
} catch (error) {
  faults.push(String(error));
}
for (const fault of faults) console.log(fault);
await browser.close();
`
