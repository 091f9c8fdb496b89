// Package bundle writes the evidence of a case as one ZIP that a police officer or a lawyer can check without us, and
// checks one.
//
// Who gets it has never heard of Vigie, and must not need to believe us. So it holds nothing but the untouched originals
// and plain files, and its README.txt gives the commands, letter by letter, with which unzip, sha256sum and openssl say
// whether all of it holds:
//
//	README.txt                 what this is and how to check it, in French and English
//	manifest.json              the list: what each piece is, whence, when, by whom, its SHA-256, who has looked at it
//	custody.csv                the same looks, for a spreadsheet
//	items/0001-<id>.jpg        the originals, byte for byte
//	statements/0002-<id>.txt   what the counsellor states, where nothing may be captured
//	stamps/0001-<id>.tsq .tsr  the question to the authority for time stamps, and its answer (RFC 3161)
//	stamps/manifest.tsq .tsr   the same for manifest.json, and so for all that it names
//	authority/root-1.pem       the certificates that the answers lead to (root-manifest.pem: that of the manifest's)
//	authority/chain.pem        those and the ones in between
//	SHA256SUMS                 the SHA-256 of every other file, for sha256sum -c
//
// One thing hangs on the other: the authority signs the hash of the manifest, the manifest names the hashes of the pieces and
// of the README. A bundle without stamps shows that it is in one piece, and not that it was not made anew.
//
// The ZIP is the plainest there is: files one after the other, not compressed (pictures and films do not shrink, a file that
// is not packed cannot unpack to a thousand times its size, and any program reads it), sizes in front of each, nothing
// between them, times that of the export. The same input gives the same bytes. It is smaller than 4 GiB, so that every program and
// every memory stick takes it.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/internal/evidence/stamp"
	"vigie/internal/fault"
)

// Bundle is what is written.
type Bundle struct {
	// Case is the number or name of the case, as the helpline says it to those it hands this to.
	Case string
	// ExportedAt is when, ExportedBy the alias of who did it, and Purpose what for, as it is in the log.
	ExportedAt time.Time
	ExportedBy string
	Purpose    string
	// Program is what wrote it, with its version.
	Program string
	Items   []Item
	// Roots are the authorities whose stamps are believed; nil where nothing is stamped.
	Roots *x509.CertPool
	// Stamp is that of Digest(true); nil where no authority is configured or it was away: the README then says what that
	// means.
	Stamp *stamp.Stamp
}

// NoCapture is the capture mode of what is kept without the thing itself: a sexual image of a minor, of which only the
// address, the account, the time and the counsellor's statement may be kept (product §4.3), or a mere address.
const NoCapture = "none"

// Item is a piece of evidence.
type Item struct {
	// ID is ours: letters, digits and hyphens, 64 at most.
	ID string
	// Kind, Category and Capture are codes: "screenshot", "sextortion", "operator".
	Kind, Category, Capture string
	// Address is where it is or was, with the platform's name and the account's.
	Address, Platform, Account string
	// Name is that of the file as it came; it stays in the manifest and never becomes a path.
	Name string
	// SeenAt is when it was seen or made, as somebody says; zero for unknown. TakenAt is when it was ours, by our clock.
	SeenAt, TakenAt time.Time
	// Operator is the alias of who took it, with which tool.
	Operator, Tool, ToolVersion string
	// Statement is what the operator states. With NoCapture it is the evidence: SHA256 and Size are of it.
	Statement string
	SHA256    [sha256.Size]byte
	Size      int64
	MIME      string
	// PDQ is the perceptual hash of a picture as 64 hexadecimal digits, with its quality (0 to 100); "" for none.
	PDQ        string
	PDQQuality int
	// Stamp is that of SHA256; nil for none (yet).
	Stamp *stamp.Stamp
	// Custody is everybody who took it, looked at it or passed it on, the oldest first.
	Custody []Custody
	// Open gives the original, from its beginning each time; it is called twice. nil with NoCapture alone.
	Open func() (io.ReadCloser, error)
}

// Custody is one thing that was done with a piece.
type Custody struct {
	At time.Time
	// Act is a code ("taken", "viewed", "exported"), By an alias, Purpose what for.
	Act, By, Purpose string
}

// Limits of a bundle.
const (
	// MaxItems is how many pieces fit, for their numbers have four digits.
	MaxItems = 9999
	maxSize  = 1<<32 - 1
	// What is read into memory: the manifest; the other small files.
	maxManifest = 16 << 20
	maxText     = 8 << 20
)

// The files that are always there, and the stamp of the manifest.
const (
	readmeName   = "README.txt"
	manifestName = "manifest.json"
	custodyName  = "custody.csv"
	sumsName     = "SHA256SUMS"
	chainName    = "authority/chain.pem"
	manifestRoot = "authority/root-manifest.pem"
	manifestTSQ  = "stamps/manifest.tsq"
	manifestTSR  = "stamps/manifest.tsr"
)

// FileName is the name to give the bundle: "vigie-2026-0123-20260701T190405Z.zip". The commands in its README use it.
func (b Bundle) FileName() string { return fileName(b.Case, b.ExportedAt) }

func fileName(of string, at time.Time) string {
	safe := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(of), "-"), "-")
	if safe == "" {
		safe = "case"
	}
	return "vigie-" + safe[:min(len(safe), 40)] + "-" + at.UTC().Format("20060102T150405Z") + ".zip"
}

// Digest is the SHA-256 of the manifest. That of a stamped bundle, which is to be stamped before it is written with that
// stamp, says so in itself: who takes the stamp away is noticed. Whoever exports writes it into the log. Its faults are
// Write's.
func (b Bundle) Digest(stamped bool) (sum [sha256.Size]byte, err error) {
	m, _, err := b.manifest(stamped)
	if err != nil {
		return sum, err
	}
	text, err := m.json()
	return sha256.Sum256(text), err
}

// Write writes the bundle. Every original is read twice: first to see that it is what was recorded, so that nothing is
// written at all when one is not, then into the ZIP, hashed again on the way. The faults:
//
//   - fault.Internal "fault.bundle.changed" (item): the SHA-256 or size of an original is not the recorded one. Met on the second
//     reading, what was written so far is no ZIP.
//   - fault.Invalid "fault.bundle.empty", "fault.bundle.item" (item; the cause says what is wrong with it).
//   - fault.TooLarge "fault.bundle.too_large": more than 9,999 pieces or 4 GiB.
//   - fault.Invalid "fault.stamp.broken": a stamp does not hold.
//
// What Open and w fail with is returned as it is, wrapped.
func Write(w io.Writer, b Bundle) error {
	m, authority, err := b.manifest(b.Stamp != nil)
	if err != nil {
		return err
	}
	text, err := m.json()
	if err != nil {
		return err
	}
	readme, err := m.readme()
	if err != nil {
		return err
	}
	parts := make([]part, 0, 10+3*len(b.Items))
	parts = append(parts, memory(readmeName, readme), memory(manifestName, text), memory(custodyName, m.custody()))
	for n, i := range b.Items {
		e := m.Items[n]
		if i.Open == nil {
			parts = append(parts, memory(e.File, []byte(i.Statement)))
		} else {
			p := part{name: e.File, size: i.Size, sum: i.SHA256, open: i.Open, item: e.Number}
			if p.crc, err = p.check(io.Discard); err != nil {
				return err
			}
			parts = append(parts, p)
		}
		if i.Stamp != nil {
			parts = append(parts, memory(e.Stamp.Request, i.Stamp.Request), memory(e.Stamp.Response, i.Stamp.Response))
		}
	}
	roots := len(authority.roots)
	for n, root := range authority.roots {
		parts = append(parts, memory(rootName(n), certificates(root)))
	}
	if b.Stamp != nil {
		said, err := b.Stamp.Verify(sha256.Sum256(text), b.Roots)
		if err != nil {
			return fmt.Errorf("bundle: the manifest: %w", err)
		}
		authority.add(said)
		roots++
		parts = append(parts, memory(manifestTSQ, b.Stamp.Request), memory(manifestTSR, b.Stamp.Response), memory(manifestRoot, certificates(said.Root())))
	}
	if roots > 0 {
		parts = append(parts, memory(chainName, certificates(authority.chain...)))
	}
	var sums bytes.Buffer
	for _, p := range parts {
		fmt.Fprintf(&sums, "%x  %s\n", p.sum, p.name)
	}
	return pack(w, append(parts, memory(sumsName, sums.Bytes())), b.ExportedAt)
}

// part is one file of the ZIP.
type part struct {
	name string
	size int64
	sum  [sha256.Size]byte
	crc  uint32
	open func() (io.ReadCloser, error)
	item int // the number of the piece; 0 for ours
}

func memory(name string, content []byte) part {
	return part{name: name, size: int64(len(content)), sum: sha256.Sum256(content), crc: crc32.ChecksumIEEE(content),
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

// check copies the part to w and fails when it is not what was recorded, a byte too long at most.
func (p part) check(w io.Writer) (crc uint32, err error) {
	in, err := p.open()
	if err != nil {
		return 0, fmt.Errorf("bundle: piece %d: %w", p.item, err)
	}
	defer in.Close()
	sum, check := sha256.New(), crc32.NewIEEE()
	size, err := io.Copy(io.MultiWriter(sum, check, w), io.LimitReader(in, p.size+1))
	if err != nil {
		return 0, fmt.Errorf("bundle: piece %d: %w", p.item, err)
	}
	if size != p.size || !bytes.Equal(sum.Sum(nil), p.sum[:]) {
		return 0, fault.New(fault.Internal, "fault.bundle.changed", "item", p.item)
	}
	return check.Sum32(), nil
}

// authority gathers the certificates that the stamps of a bundle need.
type authority struct{ roots, chain []*x509.Certificate }

// add takes the certificates of a stamp that holds and returns the number of its root, from 0.
func (a *authority) add(said stamp.Stamped) int {
	for _, c := range said.Chain[min(1, len(said.Chain)-1):] { // the signer's is in the stamp
		if !holds(a.chain, c) {
			a.chain = append(a.chain, c)
		}
	}
	for n, r := range a.roots {
		if r.Equal(said.Root()) {
			return n
		}
	}
	a.roots = append(a.roots, said.Root())
	return len(a.roots) - 1
}

// entries lists the roots for the manifest.
func (a *authority) entries() []authorityEntry {
	all := make([]authorityEntry, 0, len(a.roots))
	for n, r := range a.roots {
		all = append(all, authorityEntry{rootName(n), strings.ToValidUTF8(r.Subject.String(), "?"), sha256.Sum256(r.Raw)})
	}
	return all
}

func holds(all []*x509.Certificate, c *x509.Certificate) bool {
	for _, other := range all {
		if other.Equal(c) {
			return true
		}
	}
	return false
}

func rootName(n int) string { return fmt.Sprintf("authority/root-%d.pem", n+1) }

// certificates writes PEM, with whose each is in front of it.
func certificates(all ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range all {
		fmt.Fprintf(&b, "# %s\n", strings.ToValidUTF8(strings.Map(printable, c.Subject.String()), "?"))
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // to memory
	}
	return b.Bytes()
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

func itemFault(number int, why string, args ...any) error {
	return fault.Wrap(fmt.Errorf("bundle: "+why, args...), fault.Invalid, "fault.bundle.item", "item", number)
}

var (
	safeID  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,63}$`)
	hexPDQ  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	oneLine = regexp.MustCompile(`^[^\x00-\x1f\x7f]*$`)
)

// valid says what of an item cannot be written.
func (i Item) valid() error {
	none := i.Capture == NoCapture
	sum := sha256.Sum256([]byte(i.Statement))
	switch {
	case !safeID.MatchString(i.ID):
		return errors.New("its id is not one of ours")
	case none && i.Open != nil:
		return errors.New("it may not be captured, and there is a file of it")
	case !none && i.Open == nil:
		return errors.New("there is no file of it")
	case none && i.Statement == "":
		return errors.New("nothing of it is captured, and nothing is stated")
	case none && (i.SHA256 != sum || i.Size != int64(len(i.Statement))):
		return errors.New("its SHA-256 and size are not those of its statement")
	case i.Size < 0:
		return errors.New("its size is less than nothing")
	case i.PDQ != "" && (!hexPDQ.MatchString(i.PDQ) || i.PDQQuality < 0 || i.PDQQuality > 100):
		return errors.New("its PDQ cannot be")
	case i.TakenAt.IsZero():
		return errors.New("it is not said when it was taken")
	case len(i.Custody) == 0:
		return errors.New("it is not said who took it")
	}
	lines := []string{i.Kind, i.Category, i.Capture, i.Address, i.Platform, i.Account, i.Name, i.Operator, i.Tool, i.ToolVersion, i.MIME}
	for _, c := range i.Custody {
		lines = append(lines, c.Act, c.By)
		if !utf8.ValidString(c.Purpose) {
			return errors.New("a purpose in its custody is not UTF-8")
		}
	}
	for _, l := range lines {
		if !utf8.ValidString(l) || !oneLine.MatchString(l) {
			return errors.New("a field of it is not one line of UTF-8")
		}
	}
	if !utf8.ValidString(i.Statement) {
		return errors.New("its statement is not UTF-8")
	}
	return nil
}
