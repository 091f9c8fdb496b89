package fetch_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"vigie/internal/takedown/fetch"
)

// forbidden are the places that nobody may lead us to, as they may be written in an address. The test has the rule for each.
var forbidden = []struct {
	says, host string
	by         fetch.Code
}{
	{"loopback", "127.0.0.66", fetch.ByNetwork},
	{"this network, which is loopback too", "0.0.0.0", fetch.ByNetwork},
	{"a private address of class A", "10.0.0.1", fetch.ByNetwork},
	{"a private address of class B", "172.31.255.254", fetch.ByNetwork},
	{"a private address of class C", "192.168.1.1", fetch.ByNetwork},
	{"an address between a provider and its customers", "100.64.0.1", fetch.ByNetwork},
	{"the metadata of most clouds, link-local", "169.254.169.254", fetch.ByNetwork},
	{"the metadata of Alibaba's cloud", "100.100.100.200", fetch.ByNetwork},
	{"the metadata of Oracle's cloud", "192.0.0.192", fetch.ByNetwork},
	{"the inner services of Azure's cloud, at a public address", "168.63.129.16", fetch.ByNetwork},
	{"multicast", "239.255.255.250", fetch.ByNetwork},
	{"broadcast", "255.255.255.255", fetch.ByNetwork},
	{"reserved for later", "240.0.0.1", fetch.ByNetwork},
	{"benchmarks", "198.18.0.1", fetch.ByNetwork},
	{"documentation", "203.0.113.7", fetch.ByNetwork},
	{"loopback of IPv6", "[::1]", fetch.ByNetwork},
	{"unspecified of IPv6", "[::]", fetch.ByNetwork},
	{"link-local of IPv6", "[fe80::1]", fetch.ByNetwork},
	{"link-local of IPv6 with a zone", "[fe80::1%25eth0]", fetch.ByHost},
	{"private of IPv6 (ULA)", "[fd00:ec2::254]", fetch.ByNetwork},
	{"site-local of IPv6", "[fec0::1]", fetch.ByNetwork},
	{"multicast of IPv6", "[ff02::1]", fetch.ByNetwork},
	{"documentation of IPv6", "[2001:db8::1]", fetch.ByNetwork},
	{"loopback mapped into IPv6", "[::ffff:127.0.0.66]", fetch.ByNetwork},
	{"loopback mapped into IPv6, in hexadecimal", "[::ffff:7f00:42]", fetch.ByNetwork},
	{"loopback as the IPv6 of before (compatible)", "[::127.0.0.66]", fetch.ByNetwork},
	{"loopback translated (SIIT)", "[::ffff:0:127.0.0.66]", fetch.ByNetwork},
	{"loopback behind NAT64", "[64:ff9b::127.0.0.66]", fetch.ByNetwork},
	{"metadata behind NAT64", "[64:ff9b::a9fe:a9fe]", fetch.ByNetwork},
	{"anything behind a local NAT64", "[64:ff9b:1::808:808]", fetch.ByNetwork},
	{"loopback in 6to4", "[2002:7f00:42::1]", fetch.ByNetwork},
	{"loopback in Teredo", "[2001:0:808:808::80ff:ffbd]", fetch.ByNetwork},
	{"loopback in one decimal number", "2130706498", fetch.ByHost},
	{"loopback in one hexadecimal number", "0x7f000042", fetch.ByHost},
	{"loopback in one octal number", "017700000102", fetch.ByHost},
	{"loopback with a part in octal", "0177.0.0.66", fetch.ByHost},
	{"loopback with a part in hexadecimal", "127.0.0.0x42", fetch.ByHost},
	{"loopback with fewer parts", "127.66", fetch.ByHost},
	{"loopback with zeros before", "127.000.000.066", fetch.ByHost},
	{"loopback in wide digits", "127.0.0.66", fetch.ByNetwork},
	{"loopback with the dots of Japanese", "127。0。0。66", fetch.ByNetwork},
	{"loopback with a dot behind", "127.0.0.66.", fetch.ByNetwork},
	{"loopback in escapes", "%31%32%37.0.0.66", fetch.ByAddress},
}

// Nobody leads us to an address that is not public: not by a link, not by a redirect, however the address is written.
func TestNoForbiddenAddressIsSpokenTo(t *testing.T) {
	for _, place := range forbidden {
		t.Run(place.says, func(t *testing.T) {
			w := newWorld(t)
			evil := w.at("http://" + place.host + ":{port}/secret")
			w.serve(http.RedirectHandler(evil, http.StatusFound), nil)
			f := fetch.New(w.options())
			scope := w.scope()
			scope.Hosts = append(scope.Hosts, strings.Trim(place.host, "[]")) // not for want of a declaration
			for way, address := range map[string]string{"as a link": evil, "by a redirect": w.at("http://www.example.net:{port}/")} {
				r := f.Look(t.Context(), address, scope, fetch.Text)
				// A redirect that cannot be escaped any more is Go's own handler's work: it may write the host otherwise, never milder.
				expect(t, way, r, fetch.Failure{Kind: fetch.Refused, Code: place.by})
			}
			_, err := f.Client(scope, patient).Do(request(t, http.MethodPost, evil, "{}"))
			if !errors.Is(err, &fetch.Failure{Kind: fetch.Refused}) {
				t.Errorf("a connector: %v", err)
			}
		})
	}
}

// A name that leads to an address that is not public is refused where the connection is made, whatever the name server
// says, and whenever.
func TestNoNameLeadsToAForbiddenAddress(t *testing.T) {
	refused := fetch.Failure{Kind: fetch.Refused, Code: fetch.ByNetwork}
	for _, row := range []struct {
		says    string
		answers []string
		want    fetch.Failure // of the first look
		again   fetch.Failure // of the second
	}{
		{"it leads to loopback", []string{"127.0.0.66"}, refused, refused},
		{"it leads to a private address", []string{"10.0.0.1"}, refused, refused},
		{"it leads to metadata", []string{"169.254.169.254"}, refused, refused},
		{"it leads to loopback mapped into IPv6", []string{"::ffff:127.0.0.66"}, refused, refused},
		{"it leads to several, all forbidden", []string{"127.0.0.66 10.0.0.1 192.168.1.1"}, refused, refused},
		{"it changes to loopback after the first question", []string{"127.0.0.1", "127.0.0.66"}, fetch.Failure{}, refused},
		{"it changes from loopback after the first question", []string{"127.0.0.66", "127.0.0.1"}, refused, fetch.Failure{}},
		{"it changes each time", []string{"127.0.0.1", "127.0.0.66", "127.0.0.1", "127.0.0.66"}, fetch.Failure{}, refused},
		{"it leads to loopback and to the site, and only the site is spoken to", []string{"127.0.0.66 127.0.0.1"}, fetch.Failure{}, fetch.Failure{}},
	} {
		t.Run(row.says, func(t *testing.T) {
			w := newWorld(t)
			w.serve(page("here"), nil)
			w.dns.say("changing.example.net", row.answers...)
			expect(t, "first", w.look("http://changing.example.net:{port}/"), row.want)
			expect(t, "again", w.look("http://changing.example.net:{port}/"), row.again)
		})
	}
	t.Run("it changes between a page and the redirect to itself", func(t *testing.T) {
		w := newWorld(t)
		w.serve(http.RedirectHandler("/again", http.StatusFound), nil)
		w.dns.say("changing.example.net", "127.0.0.1", "127.0.0.66")
		r := w.look("http://changing.example.net:{port}/")
		expect(t, "", r, refused)
		if r.Status != http.StatusFound || r.Hops != 1 {
			t.Errorf("status %d after %d redirects", r.Status, r.Hops)
		}
	})
	t.Run("it leads to loopback of IPv6", func(t *testing.T) {
		probe, err := net.Listen("tcp6", "[::1]:0")
		if err != nil {
			missing(t, "IPv6")
		}
		probe.Close()
		w := newWorld(t)
		w.dns.say("six.example.net", "::1")
		expect(t, "", w.look("http://six.example.net:{port}/"), refused)
	})
	t.Run("the house's own network is refused although it is public", func(t *testing.T) {
		w := newWorld(t)
		w.dns.say("own.example.net", "9.9.9.9")
		o := w.options()
		o.Refuse = prefixes("9.9.9.0/24")
		expect(t, "", fetch.New(o).Look(t.Context(), w.at("http://own.example.net:{port}/"), w.scope(), fetch.Text), refused)
	})
	t.Run("an API at a public address is not spoken to in clear", func(t *testing.T) {
		w := newWorld(t)
		w.dns.say("api.example.net", "9.9.9.9")
		_, err := fetch.New(w.options()).Client(w.scope(), patient).Do(request(t, http.MethodPost, "http://api.example.net/", "{}"))
		if !errors.Is(err, &fetch.Failure{Kind: fetch.Refused, Code: fetch.ByClear}) {
			t.Errorf("%v", err)
		}
	})
}

// What a server, or whoever writes an address, may try, and what comes of it.
func TestAttacks(t *testing.T) {
	fail := func(kind fetch.Kind, code fetch.Code) fetch.Failure { return fetch.Failure{Kind: kind, Code: code} }
	short := func(change func(*fetch.Limits)) fetch.Limits {
		l := patient
		change(&l)
		return l
	}
	slowHeader := short(func(l *fetch.Limits) { l.Header = 200 * time.Millisecond })
	fewBytes := short(func(l *fetch.Limits) { l.Wire, l.Unpacked, l.HeaderBytes = 64<<10, 256<<10, 16<<10 })
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"

	for _, row := range []struct {
		says   string
		at     string // http://www.example.net:{port}/ when empty
		serve  http.HandlerFunc
		speak  func(net.Conn)
		tls    *tls.Config
		limits fetch.Limits
		want   fetch.Failure
		also   func(*testing.T, *world, fetch.Result)
	}{
		// Addresses.
		{says: "a host outside of the scope is not asked", at: "http://outside.example.org:{port}/", want: fail(fetch.Refused, fetch.ByScope)},
		{says: "a host that only ends like the scope is outside of it", at: "http://evilexample.net:{port}/", want: fail(fetch.Refused, fetch.ByScope)},
		{says: "a host that only begins like the scope is outside of it", at: "http://example.net.example.org:{port}/", want: fail(fetch.Refused, fetch.ByScope)},
		{says: "a name and password in the address are refused", at: "http://user:secret@www.example.net:{port}/", want: fail(fetch.Refused, fetch.ByUserinfo)},
		{says: "a good host for a user name is refused", at: "http://www.example.net@victim.example.net:{port}/", want: fail(fetch.Refused, fetch.ByUserinfo)},
		{says: "a backslash before the host is refused", at: `http://www.example.net:{port}\@victim.example.net/`, want: fail(fetch.Refused, fetch.ByAddress)},
		{says: "a port that is not declared is refused", at: "http://www.example.net:22/", want: fail(fetch.Refused, fetch.ByPort)},
		{says: "a port that is no port is refused", at: "http://www.example.net:65616/", want: fail(fetch.Refused, fetch.ByPort)},
		{says: "a file is not fetched", at: "file:///etc/passwd", want: fail(fetch.Refused, fetch.ByScheme)},
		{says: "gopher is not spoken", at: "gopher://www.example.net:{port}/_x", want: fail(fetch.Refused, fetch.ByScheme)},
		{says: "an address without a host is refused", at: "http:///www.example.net/", want: fail(fetch.Refused, fetch.ByAddress)},
		{says: "an address with a line break is refused", at: "http://www.example.net:{port}/\r\nHost: victim.example.net", want: fail(fetch.Refused, fetch.ByAddress)},
		{says: "an address without end is refused", at: "http://www.example.net:{port}/" + strings.Repeat("a", 9000), want: fail(fetch.Refused, fetch.ByAddress)},
		{says: "a host with a sign that names do not have is refused", at: "http://www!example.net:{port}/", want: fail(fetch.Refused, fetch.ByHost)},
		{says: "a name that does not exist is said to", at: "http://nowhere.example.net:{port}/", want: fail(fetch.Unreachable, fetch.NoSuchName)},
		{says: "a name server that fails says nothing of the name", at: "http://failing.example.net:{port}/", want: fail(fetch.Unreachable, fetch.NoNameServer)},

		// Redirects.
		{says: "a redirect out of the scope is told and not followed", serve: redirect("http://outside.example.org:{port}/there#x"), want: fail(fetch.Refused, fetch.ByScope),
			also: func(t *testing.T, w *world, r fetch.Result) {
				if !r.Left() || r.Outside != w.at("http://outside.example.org:{port}/there") || r.Status != http.StatusFound || r.Address != w.at("http://www.example.net:{port}/") {
					t.Errorf("%q from %q, status %d", r.Outside, r.Address, r.Status)
				}
			}},
		{says: "a redirect without a scheme is one to its host", serve: redirect("//outside.example.org:{port}/"), want: fail(fetch.Refused, fetch.ByScope)},
		{says: "a redirect with a name and password is refused", serve: redirect("http://user@www.example.net:{port}/"), want: fail(fetch.Refused, fetch.ByUserinfo)},
		{says: "a redirect to a port that is not declared is refused", serve: redirect("http://www.example.net:6379/"), want: fail(fetch.Refused, fetch.ByPort)},
		{says: "a redirect to a file is refused", serve: redirect("file:///etc/passwd"), want: fail(fetch.Refused, fetch.ByScheme)},
		{says: "a redirect to a name of the scope that leads to loopback is refused", serve: redirect("http://victim.example.net:{port}/"), want: fail(fetch.Refused, fetch.ByNetwork)},
		{says: "a redirect that makes no sense is refused", serve: redirect("http://[::1/"), want: fail(fetch.Refused, fetch.ByAddress)},
		{says: "a redirect to itself ends after five", serve: redirect("/"), want: fail(fetch.Refused, fetch.ByRedirects),
			also: func(t *testing.T, _ *world, r fetch.Result) {
				if r.Hops != 5 {
					t.Errorf("%d were followed", r.Hops)
				}
			}},
		{says: "a redirect from https to http is refused", at: "https://www.example.net:{port}/", tls: &tls.Config{}, serve: redirect("http://www.example.net:{port}/"), want: fail(fetch.Refused, fetch.ByDowngrade)},

		// TLS.
		{says: "a certificate of nobody we trust is refused", at: "https://www.example.net:{port}/", tls: &tls.Config{Certificates: []tls.Certificate{stranger(t)}}, serve: page("here"), want: fail(fetch.Refused, fetch.ByCertificate)},
		{says: "a certificate of another host is refused", at: "https://deep.www.example.net:{port}/", tls: &tls.Config{}, serve: page("here"), want: fail(fetch.Refused, fetch.ByCertificate)},
		{says: "TLS 1.1 is refused", at: "https://www.example.net:{port}/", tls: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, serve: page("here"), want: fail(fetch.Refused, fetch.ByCertificate)},
		{says: "a server that speaks no TLS where it should is refused", at: "https://www.example.net:{port}/", speak: write("HTTP/1.1 400 Bad Request\r\n\r\n"), want: fail(fetch.Refused, fetch.ByCertificate)},
		{says: "a server that never ends its TLS greeting is too slow", at: "https://www.example.net:{port}/", speak: drip("", ""), limits: slowHeader, want: fail(fetch.TooSlow, fetch.SlowHeader)},

		// Time.
		{says: "a server that says nothing is too slow", speak: drip("", ""), limits: slowHeader, want: fail(fetch.TooSlow, fetch.SlowHeader)},
		{says: "a header that comes sign by sign is too slow", speak: drip("HTTP/1.1 200 OK\r\n", "X-A: b\r\n"), limits: slowHeader, want: fail(fetch.TooSlow, fetch.SlowHeader)},
		{says: "a body that comes sign by sign is too slow", speak: drip(ok, "a "), want: fail(fetch.TooSlow, fetch.SlowPace),
			limits: short(func(l *fetch.Limits) { l.Grace, l.Pace = 200*time.Millisecond, 10_000 })},
		{says: "a body that stops is too slow", speak: drip(ok+"<p>here", ""), want: fail(fetch.TooSlow, fetch.SlowPace),
			limits: short(func(l *fetch.Limits) { l.Grace = 200 * time.Millisecond })},
		{says: "a body that brought much at once has earned time, and is too slow only in the end", speak: drip(ok+strings.Repeat("a ", 2000), "a "), want: fail(fetch.TooSlow, fetch.SlowWhole),
			limits: short(func(l *fetch.Limits) { l.Whole, l.Grace, l.Pace = 500*time.Millisecond, 100*time.Millisecond, 10 })},

		// Bytes.
		{says: "headers without end are too large", speak: endless("HTTP/1.1 200 OK\r\n", "X-A: bbbbbbbbbbbbbbbbbbbbbbbbb\r\n"), limits: fewBytes, want: fail(fetch.TooLarge, fetch.LargeHeader)},
		{says: "one header without end is too large", speak: endless("HTTP/1.1 200 OK\r\nX-A: ", "bbbbbbbbbbbbbbbbbbb"), limits: fewBytes, want: fail(fetch.TooLarge, fetch.LargeHeader)},
		{says: "a status line without end is too large", speak: endless("HTTP/1.1 200 ", "OKOKOKOKOKOKOKOK"), limits: fewBytes, want: fail(fetch.TooLarge, fetch.LargeHeader)},
		{says: "provisional answers without end are no answer", speak: endless("", "HTTP/1.1 100 Continue\r\n\r\n"), want: fail(fetch.Unreachable, fetch.Broken)},
		{says: "a change of protocol is no answer", speak: write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), want: fail(fetch.Unreachable, fetch.Broken)},
		{says: "another protocol is no answer", speak: write("SSH-2.0-OpenSSH_9.2\r\n"), want: fail(fetch.Unreachable, fetch.Broken)},
		{says: "a connection that ends in the headers is no answer", speak: write("HTTP/1.1 200 OK\r\nX-A"), want: fail(fetch.Unreachable, fetch.Cut)},
		{says: "a body that ends before its length is cut", speak: write("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 10000\r\n\r\n<title>T</title><p>some"), want: fail(fetch.Unreachable, fetch.Cut)},
		{says: "a long body that ends before its length is cut, and what came is there", want: fail(fetch.Unreachable, fetch.Cut),
			speak: write("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 10000\r\n\r\n<title>T</title>" + strings.Repeat("<p>some</p>", 300)),
			also: func(t *testing.T, _ *world, r fetch.Result) {
				if r.Page.Title != "T" || !r.Page.Cut || !strings.Contains(r.Page.Text, "some") {
					t.Errorf("%#v", r.Page)
				}
			}},
		{says: "a body without end that shows nothing is too large", speak: endless(ok, "<!-- nothing to see here -->"), limits: fewBytes, want: fail(fetch.TooLarge, fetch.LargeWire)},
		{says: "a body that is one tag without end is too large", speak: endless(ok+"<a ", "b=c "), limits: fewBytes, want: fail(fetch.TooLarge, fetch.LargeWire)},
		{says: "a body without end in pieces is too large", speak: endless("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\n<!>\n\r\n"), limits: fewBytes, want: fail(fetch.TooLarge, fetch.LargeWire)},
		{says: "words without end are read up to the bound, and that is enough", speak: endless(ok, "words "), want: fetch.Failure{},
			also: func(t *testing.T, _ *world, r fetch.Result) {
				if n := len([]rune(r.Page.Text)); !r.Page.Cut || n == 0 || n > 20_000 {
					t.Errorf("%d characters, cut %v", n, r.Page.Cut)
				}
			}},
		{says: "a bomb of gzip is too large when it is unpacked", serve: packed("gzip", zip(blank(8<<20))), limits: fewBytes, want: fail(fetch.TooLarge, fetch.LargeUnpacked)},
		{says: "a bomb of many small gzips is too large when they are unpacked", serve: packed("gzip", bytes.Repeat(zip(blank(64<<10)), 100)), limits: fewBytes, want: fail(fetch.TooLarge, fetch.LargeUnpacked)},
		{says: "gzip of gzip is refused where both are declared", serve: packed("gzip, gzip", zip(zip(blank(8<<20)))), want: fail(fetch.Refused, fetch.ByEncoding)},
		{says: "gzip of gzip is an archive where one is declared", serve: packed("gzip", zip(zip(blank(8<<20)))), want: fail(fetch.NotText, fetch.Sniffed)},
		{says: "a way of packing that was not asked for is refused", serve: packed("br", []byte("x")), want: fail(fetch.Refused, fetch.ByEncoding)},
		{says: "what says that it is gzip and is not is broken", serve: packed("gzip", []byte("<p>plain text that is long enough")), want: fail(fetch.Unreachable, fetch.Broken)},
		{says: "gzip that is cut is cut", serve: packed("gzip", zip(letters(4096))[:2000]), want: fail(fetch.Unreachable, fetch.Cut)},

		// What is not text.
		{says: "a picture that says so is not read", serve: typed("image/png", picture()), want: fail(fetch.NotText, fetch.Declared), also: read(0, "image/png")},
		{says: "a film that says so is not read", serve: typed("video/mp4", picture()), want: fail(fetch.NotText, fetch.Declared), also: read(0, "video/mp4")},
		{says: "a document that says so is not read", serve: typed("application/pdf", picture()), want: fail(fetch.NotText, fetch.Declared), also: read(0, "application/pdf")},
		{says: "bytes of no kind are not read", serve: typed("application/octet-stream", []byte("<p>text")), want: fail(fetch.NotText, fetch.Declared), also: read(0, "application/octet-stream")},
		{says: "of two content types one is enough", serve: typed("text/html", picture(), "image/png"), want: fail(fetch.NotText, fetch.Declared)},
		{says: "a picture called text/html is left after 512 bytes", serve: typed("text/html", picture()), want: fail(fetch.NotText, fetch.Sniffed), also: read(512, "image/png")},
		{says: "a picture of no type is left after 512 bytes", serve: typed("", picture()), want: fail(fetch.NotText, fetch.Sniffed), also: read(512, "image/png")},
		{says: "a picture called text/html and packed is left after 512 bytes", want: fail(fetch.NotText, fetch.Sniffed), also: read(512, "image/png"),
			serve: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				typed("text/html", zip(picture()))(w, r)
			}},
		{says: "a film called text/html is left after 512 bytes", serve: typed("text/html", append([]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"), noise(4096)...)), want: fail(fetch.NotText, fetch.Sniffed), also: read(512, "video/mp4")},
		{says: "a sound called text/plain is left after 512 bytes", serve: typed("text/plain", append([]byte("ID3\x04"), noise(4096)...)), want: fail(fetch.NotText, fetch.Sniffed), also: read(512, "audio/mpeg")},
		{says: "an archive called text/html is left after 512 bytes", serve: typed("text/html", append([]byte("PK\x03\x04"), noise(4096)...)), want: fail(fetch.NotText, fetch.Sniffed), also: read(512, "application/zip")},
		{says: "a picture of a kind that nobody knows is left after 512 bytes", serve: typed("text/html", noise(4096)), want: fail(fetch.NotText, fetch.Sniffed), also: read(512, "application/octet-stream")},
		{says: "a picture written in letters is a picture", serve: typed("text/xml", []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="data:image/png;base64,AAAA"/></svg>`)), want: fail(fetch.NotText, fetch.Sniffed)},
	} {
		t.Run(row.says, func(t *testing.T) {
			w := newWorld(t)
			w.dns.say("failing.example.net", "fails")
			w.dns.say("deep.www.example.net", "127.0.0.1")
			switch {
			case row.speak != nil:
				w.speak(row.speak)
			case row.serve != nil:
				w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					rw.Header().Set("X-Port", fmt.Sprint(w.port()))
					row.serve(rw, r)
				}), row.tls)
			}
			o := w.options()
			if row.limits != (fetch.Limits{}) {
				o.Limits = row.limits
			}
			at := row.at
			if at == "" {
				at = "http://www.example.net:{port}/"
			}
			r := fetch.New(o).Look(t.Context(), w.at(at), w.scope(), fetch.Text)
			expect(t, "", r, row.want)
			if row.also != nil {
				row.also(t, w, r)
			}
		})
	}
}

// expect holds a look to its failure, and no failure to tell whom it was about.
func expect(t *testing.T, when string, r fetch.Result, want fetch.Failure) {
	t.Helper()
	got := fetch.Failure{}
	if r.Failure != nil {
		got = fetch.Failure{Kind: r.Failure.Kind, Code: r.Failure.Code}
		if text := r.Failure.Error(); text != fmt.Sprintf("fetch: %s (%s)", want.Kind, want.Code) {
			t.Errorf("%s: the log would say %q", when, text)
		}
	}
	if got != want {
		t.Errorf("%s: %v, want %v", when, got, want)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(verb, r); strings.Contains(text, "example") || strings.Contains(text, "127.0") {
			t.Errorf("%s: %s prints %q", when, verb, text)
		}
	}
}

// read holds a look to have seen so many bytes of a body and taken them for this.
func read(n int64, kind string) func(*testing.T, *world, fetch.Result) {
	return func(t *testing.T, _ *world, r fetch.Result) {
		t.Helper()
		if r.Read != n || r.Type != kind || r.Page.Text != "" || r.Status != http.StatusOK {
			t.Errorf("%d bytes of %q were read, and the words %q", r.Read, r.Type, r.Page.Text)
		}
	}
}

func page(words string) http.HandlerFunc {
	return typed("text/html; charset=utf-8", []byte("<!doctype html><title>A page</title><p>"+words))
}

// typed answers with a body of a content type, and of more types when there are.
func typed(kind string, body []byte, more ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		if kind != "" {
			w.Header()["Content-Type"] = append([]string{kind}, more...)
		}
		w.Write(body)
	}
}

func packed(way string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", way)
		typed("text/html", body)(w, r)
	}
}

// redirect answers with 302 to an address, whose {port} is the site's, and does not put it right.
func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", strings.ReplaceAll(to, "{port}", w.Header().Get("X-Port")))
		w.WriteHeader(http.StatusFound)
	}
}

func write(text string) func(net.Conn) {
	return func(c net.Conn) { io.WriteString(c, text) }
}

// drip writes a beginning, and then a text for ever, sign by sign; nothing more when there is none.
func drip(beginning, text string) func(net.Conn) {
	return func(c net.Conn) {
		io.WriteString(c, beginning)
		for i := 0; text != ""; i++ {
			if _, err := io.WriteString(c, text[i%len(text):][:1]); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		io.Copy(io.Discard, c) // until we hang up
	}
}

// endless writes a beginning, and then a text as fast as it goes for as long as somebody listens.
func endless(beginning, text string) func(net.Conn) {
	return func(c net.Conn) {
		io.WriteString(c, beginning)
		for many := strings.Repeat(text, 100); ; {
			if _, err := io.WriteString(c, many); err != nil {
				return
			}
		}
	}
}

func zip(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(body)
	z.Close()
	return b.Bytes()
}

// blank is much that shows nothing.
func blank(n int) []byte { return append([]byte("<p>"), bytes.Repeat([]byte(" "), n)...) }

// noise are bytes that no packing makes fewer, the same ones each time.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// letters are noise that is text.
func letters(n int) []byte {
	b := noise(n)
	for i := range b {
		b[i] = 'a' + b[i]%26
	}
	return b
}

// picture begins like a PNG and is long.
func picture() []byte { return append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), noise(64<<10)...) }
