package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"vigie/internal/fault"
)

// manifest is the list, as manifest.json has it: always these fields in this order, two spaces deep, a newline at the end,
// so that the same list has the same bytes and one hash.
type manifest struct {
	// Form is of this file: 1.
	Form       int     `json:"form"`
	Program    string  `json:"program"`
	Case       string  `json:"case"`
	ExportedAt instant `json:"exported_at"`
	ExportedBy string  `json:"exported_by"`
	Purpose    string  `json:"purpose"`
	// Stamped says whether this list has a time stamp. README and CustodyFile are the SHA-256 of README.txt and custody.csv.
	Stamped     bool             `json:"stamped"`
	README      hexHash          `json:"readme_sha256"`
	CustodyFile hexHash          `json:"custody_sha256"`
	Authorities []authorityEntry `json:"authorities"`
	Items       []entry          `json:"items"`
}

// authorityEntry is a root certificate that the stamps of the pieces lead to (that of the manifest's own stamp cannot be in
// it); SHA256 is what openssl calls its fingerprint.
type authorityEntry struct {
	File    string  `json:"file"`
	Subject string  `json:"subject"`
	SHA256  hexHash `json:"sha256"`
}

type entry struct {
	Number   int    `json:"number"`
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Category string `json:"category"`
	Capture  string `json:"capture"`
	// File and SHA256 stay neighbours: the README's commands look for the one after the other.
	File        string         `json:"file"`
	SHA256      hexHash        `json:"sha256"`
	Size        int64          `json:"size"`
	MIME        string         `json:"mime"`
	Name        string         `json:"name,omitempty"`
	PDQ         *pdqEntry      `json:"pdq,omitempty"`
	Address     string         `json:"address,omitempty"`
	Platform    string         `json:"platform,omitempty"`
	Account     string         `json:"account,omitempty"`
	SeenAt      *instant       `json:"seen_at,omitempty"`
	TakenAt     instant        `json:"taken_at"`
	Operator    string         `json:"operator"`
	Tool        string         `json:"tool"`
	ToolVersion string         `json:"tool_version"`
	Statement   string         `json:"statement,omitempty"`
	Stamp       *stampEntry    `json:"stamp"`
	Custody     []custodyEntry `json:"custody"`
}

type pdqEntry struct {
	Hash    string `json:"hash"`
	Quality int    `json:"quality"`
}

type stampEntry struct {
	Request  string  `json:"request"`
	Response string  `json:"response"`
	Root     string  `json:"root"`
	At       instant `json:"at"`
	Serial   string  `json:"serial"`
}

type custodyEntry struct {
	At      instant `json:"at"`
	Act     string  `json:"act"`
	By      string  `json:"by"`
	Purpose string  `json:"purpose"`
}

// instant is a time in UTC to the millisecond: "2026-07-01T19:04:05.250Z".
type instant struct{ time.Time }

const instantForm = "2006-01-02T15:04:05.000Z"

func at(t time.Time) instant { return instant{t.UTC().Truncate(time.Millisecond)} }

func (i instant) MarshalJSON() ([]byte, error) {
	if y := i.Year(); y < 1 || y > 9999 {
		return nil, errors.New("bundle: a time is out of this world")
	}
	return json.Marshal(i.Format(instantForm))
}

func (i *instant) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	t, err := time.Parse(instantForm, text)
	i.Time = t
	return err
}

// String is the time as a person reads it.
func (i instant) String() string { return i.Format("2006-01-02 15:04:05 UTC") }

type hexHash [sha256.Size]byte

func (h hexHash) MarshalJSON() ([]byte, error) { return json.Marshal(hex.EncodeToString(h[:])) }

func (h *hexHash) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(h) {
		return errors.New("bundle: not a SHA-256")
	}
	*h = hexHash(raw)
	return nil
}

// manifest lists a bundle once its items and their stamps are looked over, with the certificates that those stamps need.
func (b Bundle) manifest(stamped bool) (m manifest, a authority, err error) {
	size := int64(0)
	for _, i := range b.Items {
		size += min(max(i.Size, 0), maxSize) + perItem
	}
	switch {
	case len(b.Items) == 0:
		return m, a, fault.New(fault.Invalid, "fault.bundle.empty")
	case len(b.Items) > MaxItems, size > maxSize-maxManifest-maxText:
		return m, a, fault.New(fault.TooLarge, "fault.bundle.too_large")
	}
	m = manifest{Form: 1, Program: b.Program, Case: b.Case, ExportedAt: at(b.ExportedAt), ExportedBy: b.ExportedBy, Purpose: b.Purpose, Stamped: stamped,
		Items: make([]entry, 0, len(b.Items))}
	if y := m.ExportedAt.Year(); y < 1980 || y > 2107 { // what a ZIP can say
		return m, a, itemFault(0, "the time of the export is missing or out of this world")
	}
	ids := map[string]bool{}
	for n, i := range b.Items {
		number := n + 1
		if err := i.valid(); err != nil {
			return m, a, itemFault(number, "%w", err)
		}
		if ids[i.ID] {
			return m, a, itemFault(number, "its id is that of another one")
		}
		ids[i.ID] = true
		e := entry{Number: number, ID: i.ID, Kind: i.Kind, Category: i.Category, Capture: i.Capture, SHA256: i.SHA256, Size: i.Size, MIME: i.MIME, Name: i.Name,
			Address: i.Address, Platform: i.Platform, Account: i.Account, TakenAt: at(i.TakenAt), Operator: i.Operator, Tool: i.Tool, ToolVersion: i.ToolVersion,
			Statement: i.Statement, Custody: make([]custodyEntry, 0, len(i.Custody))}
		e.File = e.file()
		if !i.SeenAt.IsZero() {
			seen := at(i.SeenAt)
			e.SeenAt = &seen
		}
		if i.PDQ != "" {
			e.PDQ = &pdqEntry{i.PDQ, i.PDQQuality}
		}
		for _, c := range i.Custody {
			e.Custody = append(e.Custody, custodyEntry{at(c.At), c.Act, c.By, c.Purpose})
		}
		if i.Stamp != nil {
			said, err := i.Stamp.Verify(i.SHA256, b.Roots)
			if err != nil {
				return m, a, fmt.Errorf("bundle: piece %d: %w", number, err)
			}
			e.Stamp = e.stamp()
			e.Stamp.Root, e.Stamp.At, e.Stamp.Serial = rootName(a.add(said)), at(said.At), said.Serial.String()
		}
		m.Items = append(m.Items, e)
	}
	m.Authorities = a.entries()
	readme, err := m.readme()
	m.README, m.CustodyFile = sha256.Sum256(readme), sha256.Sum256(m.custody())
	return m, a, err
}

// perItem is more than all that a piece has in the ZIP besides its file.
const perItem = 300 << 10

// json is the file.
func (m manifest) json() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil {
		return nil, err
	}
	if b.Len() > maxManifest {
		return nil, fault.New(fault.TooLarge, "fault.bundle.too_large")
	}
	return b.Bytes(), nil
}

// readManifest takes a manifest that is written as we write it and no other way.
func readManifest(text []byte) (m manifest, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&m); err != nil {
		return m, err
	}
	if _, err := d.Token(); err != io.EOF {
		return m, errors.New("something follows it")
	}
	if m.Form != 1 {
		return m, fmt.Errorf("it has form %d, and this program knows 1", m.Form)
	}
	again, err := m.json()
	if err == nil && !bytes.Equal(again, text) {
		err = errors.New("it is not written as Vigie writes it: a field is unknown, there twice, or in another order")
	}
	return m, err
}

// endings are those of the types that we take; all others are "bin".
var endings = map[string]string{
	"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif", "image/heic": "heic", "image/avif": "avif",
	"video/mp4": "mp4", "video/webm": "webm", "video/quicktime": "mov", "audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/ogg": "ogg", "audio/wav": "wav",
	"application/pdf": "pdf", "text/plain": "txt", "text/csv": "csv", "text/html": "html", "message/rfc822": "eml", "application/json": "json", "application/warc": "warc",
}

// file is where the piece lies: its number, its id and its type's ending, and nothing that somebody else has chosen.
func (e entry) file() string {
	if e.Capture == NoCapture {
		return fmt.Sprintf("statements/%04d-%s.txt", e.Number, e.ID)
	}
	ending, ok := endings[e.MIME]
	if !ok {
		ending = "bin"
	}
	return fmt.Sprintf("items/%04d-%s.%s", e.Number, e.ID, ending)
}

func (e entry) stamp() *stampEntry {
	name := fmt.Sprintf("stamps/%04d-%s", e.Number, e.ID)
	return &stampEntry{Request: name + ".tsq", Response: name + ".tsr"}
}

// custody is custody.csv (RFC 4180). A cell that a spreadsheet would calculate begins with an apostrophe.
func (m manifest) custody() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	w.Write([]string{"number", "id", "at_utc", "act", "by", "purpose"})
	for _, e := range m.Items {
		for _, c := range e.Custody {
			w.Write([]string{strconv.Itoa(e.Number), e.ID, c.At.Format(instantForm), inert(c.Act), inert(c.By), inert(c.Purpose)})
		}
	}
	w.Flush() // to memory
	return b.Bytes()
}

func inert(cell string) string {
	if cell != "" && bytes.IndexByte([]byte("=+-@\t\r"), cell[0]) >= 0 {
		return "'" + cell
	}
	return cell
}
