// Package paper lays out what is printed: headings, paragraphs, facts and tables on A4, with a header, a footer and page
// numbers, as a PDF that says its language and its title. It knows no words of its own: whoever prints brings them.
//
// The same document gives the same bytes, so that two prints can be compared. Nothing is loaded from anywhere: the letters are
// the Go fonts, which are in the program.
package paper

import (
	"bytes"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
)

// Document is what is printed.
type Document struct {
	// Lang is the language of its text, "fr"; Title what a reader of files shows.
	Lang, Title string
	// Author is the house that prints it.
	Author string
	// Header stands above every page: what it is and that it is confidential. Footer stands below: who printed it, and when.
	Header, Footer string
	// Page says a page's number, with {page} and {pages}.
	Page string
	// Missing is said at the end where a sign could not be printed and a square stands for it.
	Missing string
	// At is when it was printed.
	At time.Time

	blocks []block
}

// block is one piece of a document.
type block interface{ draw(s *sheet) }

// Column is a column of a table: Share of the width, and whether it holds numbers.
type Column struct {
	Label  string
	Share  float64
	Number bool
}

// Fact is a name and what it is.
type Fact struct{ Name, Value string }

type (
	title     struct{ text string }
	heading   struct{ text string }
	paragraph struct{ text string }
	small     struct{ text string }
	list      struct{ items []string }
	facts     struct{ all []Fact }
	table     struct {
		columns []Column
		rows    [][]string
	}
)

// Head begins the document with its name.
func (d *Document) Head(text string) { d.blocks = append(d.blocks, title{text}) }

// Heading begins a part.
func (d *Document) Heading(text string) { d.blocks = append(d.blocks, heading{text}) }

// Text is a paragraph; its line breaks are kept.
func (d *Document) Text(text string) { d.blocks = append(d.blocks, paragraph{text}) }

// Small is what is said by the way.
func (d *Document) Small(text string) { d.blocks = append(d.blocks, small{text}) }

// List is things one below the other.
func (d *Document) List(items ...string) { d.blocks = append(d.blocks, list{items}) }

// Facts are names, each with what it is. What has no value is left out.
func (d *Document) Facts(all ...Fact) { d.blocks = append(d.blocks, facts{all}) }

// Table is rows of cells. Its head stands again on every page that it goes on to.
func (d *Document) Table(columns []Column, rows [][]string) {
	d.blocks = append(d.blocks, table{columns, rows})
}

// PDF lays the document out.
func (d *Document) PDF() ([]byte, error) {
	first, err := d.layOut(0)
	if err != nil {
		return nil, err
	}
	whole, err := d.layOut(first.pages) // now that it is known how many there are
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := whole.pdf.Output(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// A4, in millimetres.
const (
	pageWidth, pageHeight = 210.0, 297.0
	side                  = 20.0
	top, bottom           = 26.0, 24.0
	width                 = pageWidth - 2*side
)

// sheet is a document while it is laid out: y is where the next line begins.
type sheet struct {
	d       *Document
	pdf     *fpdf.Fpdf
	y       float64
	pages   int
	total   int
	missing bool
}

// family is what the fonts are called in the file.
const family = "go"

func (d *Document) layOut(total int) (*sheet, error) {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(d.At.UTC())
	pdf.SetModificationDate(d.At.UTC())
	pdf.SetLang(d.Lang)
	pdf.SetTitle(d.Title, true)
	pdf.SetAuthor(d.Author, true)
	pdf.SetCreator("Vigie", true)
	pdf.SetProducer("Vigie", true)
	pdf.SetMargins(side, top, side)
	pdf.SetCellMargin(0)
	pdf.SetAutoPageBreak(false, 0)
	pdf.AddUTF8FontFromBytes(family, "", goregular.TTF)
	pdf.AddUTF8FontFromBytes(family, "B", gobold.TTF)
	s := &sheet{d: d, pdf: pdf, total: total}
	s.newPage()
	for _, b := range d.blocks {
		b.draw(s)
	}
	if s.missing && d.Missing != "" {
		small{d.Missing}.draw(s)
	}
	return s, pdf.Error()
}

// face is a way to write: its size in points, the height of a line in millimetres, and a colour.
type face struct {
	bold       bool
	size, line float64
	ink        [3]int
}

// Ink blue for what structures, near black for what is read, grey for what is by the way: all of them are read on paper and
// in black and white.
var (
	inkBlue = [3]int{12, 59, 78}
	black   = [3]int{28, 32, 36}
	grey    = [3]int{84, 92, 99}

	asTitle   = face{true, 18, 8.4, inkBlue}
	asHeading = face{true, 12.5, 6.2, inkBlue}
	asText    = face{false, 10, 5.1, black}
	asStrong  = face{true, 10, 5.1, black}
	asCell    = face{false, 9, 4.5, black}
	asHead    = face{true, 9, 4.5, inkBlue}
	asSmall   = face{false, 8.5, 4.3, grey}
	asEdge    = face{false, 8, 4, grey}
)

func (s *sheet) use(f face) {
	style := ""
	if f.bold {
		style = "B"
	}
	s.pdf.SetFont(family, style, f.size)
	s.pdf.SetTextColor(f.ink[0], f.ink[1], f.ink[2])
}

func (s *sheet) newPage() {
	s.pdf.AddPage()
	s.pages++
	s.y = top
	s.use(asEdge)
	for i, line := range first(s.wrap(s.d.Header, width), 2) {
		s.put(side, 12+float64(i)*asEdge.line, width, asEdge.line, line, "L")
	}
	s.rule(top-5, 0.3)
	s.rule(pageHeight-17, 0.2)
	for i, line := range first(s.wrap(s.d.Footer, width-32), 2) {
		s.put(side, pageHeight-15+float64(i)*asEdge.line, width-32, asEdge.line, line, "L")
	}
	number := strings.NewReplacer("{page}", itoa(s.pages), "{pages}", itoa(s.total)).Replace(s.d.Page)
	s.put(side+width-30, pageHeight-15, 30, asEdge.line, s.printable(number), "R")
}

func first(lines []string, n int) []string { return lines[:min(n, len(lines))] }

func (s *sheet) rule(y, thick float64) {
	s.pdf.SetDrawColor(inkBlue[0], inkBlue[1], inkBlue[2])
	s.pdf.SetLineWidth(thick)
	s.pdf.Line(side, y, side+width, y)
}

// room begins a new page where less than this height is left.
func (s *sheet) room(height float64) bool {
	if s.y+height <= pageHeight-bottom {
		return false
	}
	s.newPage()
	return true
}

// put writes a line that is wrapped already.
func (s *sheet) put(x, y, w, h float64, line, align string) {
	s.pdf.SetXY(x, y)
	s.pdf.CellFormat(w, h, line, "", 0, align, false, 0, "")
}

// lines writes text, over as many pages as it takes.
func (s *sheet) lines(f face, x, w float64, text string) {
	s.use(f)
	for _, line := range s.wrap(text, w) {
		if s.room(f.line) {
			s.use(f)
		}
		s.put(x, s.y, w, f.line, line, "L")
		s.y += f.line
	}
}

func (b title) draw(s *sheet) {
	s.lines(asTitle, side, width, b.text)
	s.y += 3
}

// draw keeps a heading together with what follows it.
func (b heading) draw(s *sheet) {
	if s.y > top {
		s.y += 4
	}
	s.room(asHeading.line + 4*asText.line)
	s.lines(asHeading, side, width, b.text)
	s.y += 1.5
}

func (b paragraph) draw(s *sheet) {
	s.lines(asText, side, width, b.text)
	s.y += 2
}

func (b small) draw(s *sheet) {
	s.lines(asSmall, side, width, b.text)
	s.y += 2
}

func (b list) draw(s *sheet) {
	for _, item := range b.items {
		s.room(asText.line)
		s.use(asText)
		s.put(side, s.y, 4, asText.line, "•", "L")
		s.lines(asText, side+5, width-5, item)
		s.y += 0.8
	}
	s.y += 1.2
}

const nameWidth = 46.0

func (b facts) draw(s *sheet) {
	for _, f := range b.all {
		if f.Value == "" {
			continue
		}
		s.use(asStrong)
		names := s.wrap(f.Name, nameWidth-3)
		s.room(float64(len(names)) * asText.line)
		s.use(asStrong)
		page, begin := s.pages, s.y
		for i, line := range names {
			s.put(side, s.y+float64(i)*asStrong.line, nameWidth, asStrong.line, line, "L")
		}
		s.lines(asText, side+nameWidth, width-nameWidth, f.Value)
		if page == s.pages { // a short value beside a long name
			s.y = max(s.y, begin+float64(len(names))*asStrong.line)
		}
		s.y += 0.6
	}
	s.y += 1.4
}

const cellPad = 1.2

func (b table) draw(s *sheet) {
	b.head(s)
	for i, row := range b.rows {
		cells, height := b.cells(s, asCell, row)
		if s.room(min(height, pageHeight-top-bottom)) {
			b.head(s)
		}
		if i%2 == 1 {
			s.shade(height, 245, 247, 248)
		}
		b.row(s, asCell, cells, height)
	}
	s.rule(s.y, 0.2)
	s.y += 4
}

func (b table) head(s *sheet) {
	labels := make([]string, len(b.columns))
	for i, c := range b.columns {
		labels[i] = c.Label
	}
	cells, height := b.cells(s, asHead, labels)
	s.room(height + 2*asCell.line)
	s.shade(height, 226, 235, 238)
	b.row(s, asHead, cells, height)
}

func (s *sheet) shade(height float64, r, g, b int) {
	s.pdf.SetFillColor(r, g, b)
	s.pdf.Rect(side, s.y, width, height, "F")
}

// cells wraps a row, and says how high it is.
func (b table) cells(s *sheet, f face, row []string) (cells [][]string, height float64) {
	s.use(f)
	most := 1
	for i, text := range row {
		lines := first(s.wrap(text, b.wide(i)-2*cellPad), 40) // a cell is no page
		cells, most = append(cells, lines), max(most, len(lines))
	}
	return cells, float64(most)*f.line + 1.6
}

func (b table) wide(i int) float64 {
	sum := 0.0
	for _, c := range b.columns {
		sum += c.Share
	}
	return width * b.columns[i].Share / sum
}

func (b table) row(s *sheet, f face, cells [][]string, height float64) {
	s.use(f)
	x := side
	for i, lines := range cells {
		align := "L"
		if b.columns[i].Number {
			align = "R"
		}
		for j, line := range lines {
			s.put(x+cellPad, s.y+0.8+float64(j)*f.line, b.wide(i)-2*cellPad, f.line, line, align)
		}
		x += b.wide(i)
	}
	s.y += height
}
