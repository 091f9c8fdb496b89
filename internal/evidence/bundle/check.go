package bundle

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/internal/evidence/stamp"
	"vigie/internal/fault"
)

// Level is what a finding means for the whole, the worst last.
type Level int

// The levels.
const (
	// Holds was looked at and is right.
	Holds Level = iota
	// Note does not speak against the bundle, and its reader should know it.
	Note
	// Unproved is neither shown nor refuted by what is at hand.
	Unproved
	// Broken is wrong: somebody changed it, or it was damaged on its way.
	Broken
)

var levels = []string{"holds", "note", "unproved", "broken"}

func (l Level) String() string { return levels[l] }

// MarshalJSON writes the level as its word.
func (l Level) MarshalJSON() ([]byte, error) { return json.Marshal(l.String()) }

// Finding is one thing that the check has to say. Its sentence is "bundle.found." and What.
type Finding struct {
	Level Level `json:"level"`
	// What is a code: "sums", "item_changed".
	What string `json:"what"`
	// Item is the number of the piece, 0 for none; File a path in the ZIP; N a count; At a time, Who an authority or a
	// certificate; Why the detail, in English, as the program that read it says it. Each where it is part of the sentence.
	Item int        `json:"item,omitempty"`
	File string     `json:"file,omitempty"`
	N    int        `json:"n,omitempty"`
	At   *time.Time `json:"at,omitempty"`
	Who  string     `json:"who,omitempty"`
	Why  string     `json:"why,omitempty"`
}

// Args are the finding's values for its sentence.
func (f Finding) Args() []any {
	when := ""
	if f.At != nil {
		when = at(*f.At).String()
	}
	return []any{"item", f.Item, "file", f.File, "n", f.N, "at", when, "who", f.Who, "why", f.Why}
}

// Report is what came of checking a bundle.
type Report struct {
	// From its manifest, empty where that cannot be read.
	Case       string    `json:"case"`
	ExportedAt time.Time `json:"exported_at"`
	ExportedBy string    `json:"exported_by"`
	Purpose    string    `json:"purpose"`
	Items      int       `json:"items"`
	Stamped    int       `json:"stamped"`
	// ManifestSHA256 is the one hash that all others hang on: whoever kept it elsewhere can compare.
	ManifestSHA256 string    `json:"manifest_sha256,omitempty"`
	Findings       []Finding `json:"findings"`
}

// Result is the worst level found: Holds and Note are well.
func (r Report) Result() Level {
	worst := Holds
	for _, f := range r.Findings {
		worst = max(worst, f.Level)
	}
	return worst
}

// maxFindings bounds what a bundle that is all wrong gets said about it.
const maxFindings = 300

// slack is how far two clocks may be apart.
const slack = 10 * time.Minute

// Check looks at a bundle that anybody may have made: how the ZIP is laid out, every hash, the manifest, the chains of
// custody, the stamps. roots are the authorities to believe; with nil those that lie in the bundle are taken, and the report
// says that this proves nothing about who they are. Everything about the bundle is in the report; the error is that of
// reading r.
func Check(r io.ReaderAt, size int64, roots *x509.CertPool) (Report, error) {
	c := &check{r: r, roots: roots, files: map[string]stored{}, other: map[int]bool{}, sums: map[string][sha256.Size]byte{}}
	c.report.Findings = []Finding{}
	files, flaw, err := unpack(r, size)
	if err != nil {
		return c.report, err
	}
	if flaw != "" {
		c.say(Finding{Level: Broken, What: "layout_broken", Why: flaw})
		return c.report, nil
	}
	for _, f := range files {
		c.files[f.name] = f
	}
	c.say(Finding{What: "layout", N: len(files)})
	if err := c.checkSums(files); err != nil {
		return c.report, err
	}
	err = c.checkManifest(files)
	return c.report, err
}

type check struct {
	r      io.ReaderAt
	roots  *x509.CertPool
	files  map[string]stored
	sums   map[string][sha256.Size]byte // of the files as they are
	other  map[int]bool                 // the pieces that are not what the list says
	broken int
	report Report
}

func (c *check) say(f Finding) {
	if f.Level == Broken {
		if c.broken++; c.broken > maxFindings {
			return
		}
	}
	c.report.Findings = append(c.report.Findings, f)
}

func (c *check) wrong(what string, f Finding) {
	f.Level, f.What = Broken, what
	c.say(f)
}

// since says whether something broken was found after a count of them.
func (c *check) since(broken int) bool { return c.broken > broken }

func (c *check) open(f stored) *io.SectionReader { return io.NewSectionReader(c.r, f.offset, f.size) }

// text reads a small file; ok is false for one that is not there or too long, which has been said.
func (c *check) text(name string, most int64) (content []byte, ok bool, err error) {
	f, there := c.files[name]
	if !there {
		c.wrong("missing", Finding{File: name})
		return nil, false, nil
	}
	if f.size > most {
		c.wrong("too_long", Finding{File: name})
		return nil, false, nil
	}
	content = make([]byte, f.size)
	return content, true, readAt(c.r, content, f.offset)
}

var sumLine = regexp.MustCompile(`^([0-9a-f]{64})  (.+)$`)

// checkSums hashes every file and compares it with SHA256SUMS.
func (c *check) checkSums(files []stored) error {
	before := c.broken
	for _, f := range files {
		sum, crc := sha256.New(), crc32.NewIEEE()
		if _, err := io.Copy(io.MultiWriter(sum, crc), c.open(f)); err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
		c.sums[f.name] = [sha256.Size]byte(sum.Sum(nil))
		if crc.Sum32() != f.crc {
			c.wrong("crc", Finding{File: f.name})
		}
	}
	text, ok, err := c.text(sumsName, maxText)
	if err != nil || !ok {
		return err
	}
	listed := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		m := sumLine.FindStringSubmatch(lines.Text())
		if m == nil {
			c.wrong("sums_unreadable", Finding{})
			return nil
		}
		name := m[2]
		f, there := c.files[name]
		switch {
		case listed[name] || name == sumsName:
			c.wrong("sums_unreadable", Finding{})
		case !there:
			c.wrong("missing", Finding{File: fmt.Sprintf("%.200q", name)})
		case m[1] != hex.EncodeToString(sumOf(c.sums[f.name])):
			c.wrong("changed", Finding{File: name})
		}
		listed[name] = true
	}
	if err := lines.Err(); err != nil || len(text) == 0 || text[len(text)-1] != '\n' {
		c.wrong("sums_unreadable", Finding{})
	}
	for _, f := range files {
		if f.name != sumsName && !listed[f.name] {
			c.wrong("not_in_sums", Finding{File: f.name})
		}
	}
	if !c.since(before) {
		c.say(Finding{What: "sums", N: len(listed)})
	}
	return nil
}

func sumOf(h [sha256.Size]byte) []byte { return h[:] }

// checkManifest reads the list and compares everything with it.
func (c *check) checkManifest(files []stored) error {
	text, ok, err := c.text(manifestName, maxManifest)
	if err != nil || !ok {
		return err
	}
	m, err := readManifest(text)
	if err != nil {
		c.wrong("manifest_unreadable", Finding{Why: err.Error()})
		return nil
	}
	sum := sha256.Sum256(text)
	r := &c.report
	r.Case, r.ExportedAt, r.ExportedBy, r.Purpose, r.Items, r.ManifestSHA256 = m.Case, m.ExportedAt.Time, m.ExportedBy, m.Purpose, len(m.Items), hex.EncodeToString(sum[:])
	c.checkNames(files, m)
	if _, there := c.files[readmeName]; there && c.sums[readmeName] != m.README {
		c.wrong("readme", Finding{File: readmeName})
	}
	if err := c.checkItems(m); err != nil {
		return err
	}
	if err := c.checkCustody(m); err != nil {
		return err
	}
	own, err := c.authorities(m)
	if err != nil {
		return err
	}
	return c.checkStamps(m, sum, own)
}

// checkNames sees that exactly the files of the list are there.
func (c *check) checkNames(files []stored, m manifest) {
	wanted := map[string]bool{readmeName: true, manifestName: true, custodyName: true, sumsName: true}
	if m.Stamped {
		wanted[manifestTSQ], wanted[manifestTSR], wanted[manifestRoot], wanted[chainName] = true, true, true, true
	}
	for n := range m.Authorities {
		wanted[rootName(n)], wanted[chainName] = true, true
	}
	for _, e := range m.Items {
		wanted[e.File] = true
		if e.Stamp != nil {
			wanted[e.Stamp.Request], wanted[e.Stamp.Response] = true, true
		}
	}
	date, clock := dosTime(m.ExportedAt.Time)
	for _, f := range files {
		if !wanted[f.name] {
			c.wrong("extra", Finding{File: f.name})
		}
		if f.date != date || f.clock != clock {
			c.wrong("file_time", Finding{File: f.name})
		}
		delete(wanted, f.name)
	}
	delete(wanted, sumsName) // said already
	for _, e := range m.Items {
		if wanted[e.File] {
			c.wrong("missing", Finding{File: fmt.Sprintf("%.200q", e.File)})
			delete(wanted, e.File)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		c.wrong("missing", Finding{File: fmt.Sprintf("%.200q", name)})
	}
}

func (c *check) checkItems(m manifest) error {
	before := c.broken
	ids := map[string]bool{}
	for n, e := range m.Items {
		plain := e
		plain.Number = n + 1
		want := plain.stamp()
		switch {
		case e.Number != n+1 || ids[e.ID] || !safeID.MatchString(e.ID) || e.File != plain.file():
			c.wrong("item_named", Finding{Item: n + 1})
			continue
		case e.Stamp != nil && (e.Stamp.Request != want.Request || e.Stamp.Response != want.Response || !slices.ContainsFunc(m.Authorities, func(a authorityEntry) bool { return a.File == e.Stamp.Root })):
			c.wrong("item_named", Finding{Item: n + 1})
			continue
		}
		ids[e.ID] = true
		f, there := c.files[e.File]
		if !there {
			continue // said already
		}
		if c.sums[e.File] != e.SHA256 || f.size != e.Size {
			c.wrong("item_changed", Finding{Item: e.Number, File: e.File})
			c.other[e.Number] = true
			continue
		}
		if e.Capture == NoCapture && sha256.Sum256([]byte(e.Statement)) != e.SHA256 {
			c.wrong("statement", Finding{Item: e.Number, File: e.File})
		}
		head := make([]byte, min(f.size, 16))
		if err := readAt(c.r, head, f.offset); err != nil {
			return err
		}
		if !looksLike(head, e.MIME) {
			c.say(Finding{Level: Note, What: "looks_other", Item: e.Number, File: e.File, Why: oneWord(e.MIME)})
		}
	}
	if len(m.Items) == 0 {
		c.wrong("item_named", Finding{})
	}
	if !c.since(before) {
		c.say(Finding{What: "items", N: len(m.Items)})
	}
	return nil
}

// beginnings are how files of a type begin; {8, "ftyp"} is the ISO base media format after its first length.
var beginnings = map[string][]string{
	"image/jpeg": {"\xff\xd8\xff"}, "image/png": {"\x89PNG\r\n\x1a\n"}, "image/gif": {"GIF87a", "GIF89a"}, "image/webp": {"RIFF"},
	"application/pdf": {"%PDF-"}, "audio/wav": {"RIFF"}, "audio/ogg": {"OggS"}, "video/webm": {"\x1aE\xdf\xa3"},
	"video/mp4": {"ftyp"}, "video/quicktime": {"ftyp", "moov", "wide", "mdat"}, "image/heic": {"ftyp"}, "image/avif": {"ftyp"}, "audio/mp4": {"ftyp"},
}

// looksLike says whether a file that begins so may be of a type; yes for a type whose beginning is not known here.
func looksLike(head []byte, kind string) bool {
	wanted, known := beginnings[kind]
	if !known {
		return true
	}
	for _, w := range wanted {
		if bytes.HasPrefix(head, []byte(w)) || len(w) == 4 && len(head) >= 8 && string(head[4:8]) == w {
			return true
		}
	}
	return false
}

// oneWord is a text of somebody else's as it may be printed.
func oneWord(s string) string {
	if utf8.ValidString(s) && oneLine.MatchString(s) && len(s) <= 200 {
		return s
	}
	return fmt.Sprintf("%.200q", s)
}

// checkCustody sees that each piece has a chain of custody in the order of time, from when it was taken to the export, and
// that custody.csv tells the same.
func (c *check) checkCustody(m manifest) error {
	before := c.broken
	acts := 0
	for _, e := range m.Items {
		last := e.TakenAt.Time
		if len(e.Custody) == 0 {
			c.wrong("custody_empty", Finding{Item: e.Number})
		}
		for _, act := range e.Custody {
			acts++
			if act.At.Before(last) || act.At.After(m.ExportedAt.Time) {
				c.wrong("custody_order", Finding{Item: e.Number, At: &act.At.Time})
				break
			}
			last = act.At.Time
		}
	}
	text, ok, err := c.text(custodyName, maxText+maxManifest)
	if err != nil {
		return err
	}
	if ok && (!bytes.Equal(text, m.custody()) || sha256.Sum256(text) != m.CustodyFile) {
		c.wrong("custody_other", Finding{File: custodyName})
	}
	if !c.since(before) {
		c.say(Finding{What: "custody", N: acts})
	}
	return nil
}

// authorities reads the certificates in the bundle: the roots by their files. Those in between are for openssl alone, which
// must be able to read them.
func (c *check) authorities(m manifest) (own map[string]*x509.Certificate, err error) {
	own = map[string]*x509.Certificate{}
	roots := (readmePage{m}).Roots()
	for _, name := range append(roots, chainName) {
		if _, there := c.files[name]; !there {
			continue // said already, or there is none
		}
		text, ok, err := c.text(name, maxText)
		if err != nil {
			return nil, err
		}
		all := readCertificates(text)
		n := slices.IndexFunc(m.Authorities, func(a authorityEntry) bool { return a.File == name })
		switch {
		case !ok: // said already
		case len(all) == 0, name != chainName && len(all) > 1, n >= 0 && (name != rootName(n) || m.Authorities[n].SHA256 != sha256.Sum256(all[0].Raw)):
			c.wrong("authority", Finding{File: name})
		case name != chainName:
			own[name] = all[0]
		}
	}
	return own, nil
}

// readCertificates reads certificates that are written as certificates does; nil for anything else.
func readCertificates(text []byte) (all []*x509.Certificate) {
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || holds(all, c) {
			return nil
		}
		all = append(all, c)
	}
	if !bytes.Equal(certificates(all...), text) {
		return nil
	}
	return all
}

// checkStamps checks each stamp twice: that it leads to the certificate in the bundle that the list names for it, as the
// README has openssl do, and that it leads to whom the reader believes.
func (c *check) checkStamps(m manifest, sum [sha256.Size]byte, own map[string]*x509.Certificate) error {
	stamps := 0
	for _, e := range m.Items {
		if e.Stamp == nil {
			c.say(Finding{Level: Note, What: "unstamped", Item: e.Number})
			continue
		}
		said, ok, err := c.checkStamp(e.Stamp.Request, e.Stamp.Response, e.SHA256, own[e.Stamp.Root])
		if err != nil {
			return err
		}
		switch {
		case !ok:
		case e.Stamp.Serial != said.Serial.String() || !e.Stamp.At.Equal(at(said.At).Time):
			c.wrong("stamp_other", Finding{Item: e.Number, File: e.Stamp.Response})
		case said.At.Before(e.TakenAt.Add(-slack)) || said.At.After(m.ExportedAt.Add(slack)):
			c.wrong("stamp_time", Finding{Item: e.Number, File: e.Stamp.Response, At: &said.At})
		case c.other[e.Number]: // it is a stamp of what was there before
		default:
			stamps++
			c.say(Finding{What: "stamped", Item: e.Number, At: &said.At, Who: oneWord(said.Authority())})
		}
	}
	c.report.Stamped = stamps
	if m.Stamped {
		said, ok, err := c.checkStamp(manifestTSQ, manifestTSR, sum, own[manifestRoot])
		switch {
		case err != nil:
			return err
		case !ok:
		case said.At.Before(m.ExportedAt.Add(-slack)):
			c.wrong("stamp_time", Finding{File: manifestTSR, At: &said.At})
		default:
			stamps++
			c.say(Finding{What: "manifest_stamped", At: &said.At, Who: oneWord(said.Authority())})
		}
	} else {
		c.say(Finding{Level: Unproved, What: "manifest_unstamped"})
	}
	if stamps > 0 && c.roots == nil {
		said := []*x509.Certificate{}
		for _, name := range slices.Sorted(maps.Keys(own)) {
			if root := own[name]; !holds(said, root) {
				said = append(said, root)
				c.say(Finding{Level: Unproved, What: "authority_unknown", Who: oneWord(root.Subject.String()), Why: fingerprint(sha256.Sum256(root.Raw))})
			}
		}
	}
	return nil
}

// checkStamp reads the two files of a stamp and sees whether it holds; what does not is said. root is that in the bundle, nil
// for one that was found wrong.
func (c *check) checkStamp(request, response string, hash [sha256.Size]byte, root *x509.Certificate) (said stamp.Stamped, ok bool, err error) {
	s := stamp.Stamp{}
	for name, to := range map[string]*[]byte{request: &s.Request, response: &s.Response} {
		if _, there := c.files[name]; !there {
			return said, false, nil // said already
		}
		if *to, ok, err = c.text(name, stamp.MaxSize); err != nil || !ok {
			return said, false, err
		}
	}
	believed := []*x509.CertPool{}
	if root != nil {
		believed = append(believed, stamp.Pool(root))
	}
	if c.roots != nil {
		believed = append(believed, c.roots)
	}
	for _, roots := range believed {
		if said, err = s.Verify(hash, roots); err != nil {
			c.wrong("stamp_broken", Finding{File: response, Why: oneWord(reason(err))})
			return said, false, nil
		}
	}
	return said, len(believed) > 0, nil
}

// reason is the cause of a stamp that does not hold, without the words around it.
func reason(err error) string {
	if f := fault.As(err); f != nil && f.Cause != nil {
		return strings.TrimPrefix(f.Cause.Error(), "time stamp: ")
	}
	return err.Error()
}

// fingerprint is how openssl writes one: "AB:CD:…".
func fingerprint(sum [sha256.Size]byte) string {
	pairs := make([]string, len(sum))
	for n, b := range sum {
		pairs[n] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}
