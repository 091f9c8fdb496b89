// Package workbook writes a table as a workbook (XLSX, ECMA-376 part 1) row by row, however many there are: nothing is kept in memory but
// the row at hand, and nothing lies on a disk in clear, which is why the library that writes the small ones does not write these.
package workbook

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// MostRows is how many rows a sheet has at most, its head among them.
const MostRows = 1 << 20

// Writer writes one sheet. It is not safe for concurrent use.
type Writer struct {
	zip     *zip.Writer
	sheet   *bufio.Writer
	columns int
	rows    int
	err     error
}

// New begins a workbook of one sheet (its name has 31 signs at most, none of : \ / ? * [ ]) with a row of heads, which stays in sight.
func New(w io.Writer, sheet string, heads []string) (*Writer, error) {
	b := &Writer{zip: zip.NewWriter(w), columns: len(heads)}
	for _, part := range []struct{ name, text string }{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>`},
		{"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="` + escaped(sheet) + `" sheetId="1" r:id="rId1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>`},
		// Style 1 is bold, for the heads.
		{"xl/styles.xml", `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs></styleSheet>`},
	} {
		to, err := b.zip.Create(part.name)
		if err == nil {
			_, err = io.WriteString(to, xml.Header+part.text)
		}
		if err != nil {
			return nil, fmt.Errorf("workbook: %w", err)
		}
	}
	to, err := b.zip.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		return nil, fmt.Errorf("workbook: %w", err)
	}
	b.sheet = bufio.NewWriterSize(to, 64<<10)
	b.write(xml.Header + `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols><col min="1" max="` + strconv.Itoa(max(1, len(heads))) + `" width="22" customWidth="1"/></cols><sheetData>`)
	all := make([]any, len(heads))
	for i, h := range heads {
		all[i] = h
	}
	return b, b.row(all, ` s="1"`)
}

// Row adds a row. A cell is a string, an int, an int64, or nil for none; text is never taken for a formula.
func (b *Writer) Row(cells ...any) error { return b.row(cells, "") }

func (b *Writer) row(cells []any, style string) error {
	if b.rows == MostRows {
		return errors.New("workbook: a sheet has no more rows")
	}
	number := strconv.Itoa(b.rows + 1)
	var line strings.Builder
	line.WriteString(`<row r="` + number + `">`)
	for i, cell := range cells {
		at := `<c r="` + columnName(i) + number + `"` + style
		switch v := cell.(type) {
		case nil:
		case string:
			if v != "" {
				line.WriteString(at + ` t="inlineStr"><is><t xml:space="preserve">` + escaped(v) + `</t></is></c>`)
			}
		case int:
			line.WriteString(at + `><v>` + strconv.Itoa(v) + `</v></c>`)
		case int64:
			line.WriteString(at + `><v>` + strconv.FormatInt(v, 10) + `</v></c>`)
		default:
			return fmt.Errorf("workbook: a cell cannot be a %T", cell)
		}
	}
	line.WriteString(`</row>`)
	b.write(line.String())
	b.rows++
	return b.err
}

// Close ends the workbook; without it there is none.
func (b *Writer) Close() error {
	b.write(`</sheetData>`)
	if b.columns > 0 {
		b.write(`<autoFilter ref="A1:` + columnName(b.columns-1) + strconv.Itoa(b.rows) + `"/>`)
	}
	b.write(`</worksheet>`)
	if b.err == nil {
		b.err = b.sheet.Flush()
	}
	return errors.Join(b.err, b.zip.Close())
}

func (b *Writer) write(s string) {
	if b.err == nil {
		_, b.err = b.sheet.WriteString(s)
	}
}

// columnName is "A" for 0, "AA" for 26.
func columnName(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return columnName(i/26-1) + string(rune('A'+i%26))
}

// escaped is text as XML takes it; a sign that XML has no place for becomes U+FFFD.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder never fails
	return b.String()
}
