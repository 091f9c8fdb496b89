package figures

import (
	"encoding/csv"
	"encoding/json"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"vigie/internal/paper"
	"vigie/internal/stats"
	"vigie/internal/web/i18n"
)

// handOut says that a file follows, under a name that tells its days and nothing else.
func handOut(w http.ResponseWriter, media, name string) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	w.Header().Set("Cache-Control", "no-store")
}

func (v view) fileName(ending string) string {
	name := "chiffres-"
	if len(v.asked.chosen) > 0 {
		name = "chiffres-croises-"
	}
	return name + v.asked.from.Format(time.DateOnly) + "-" + v.asked.until.AddDate(0, 0, -1).Format(time.DateOnly) + "." + ending
}

// CSV is the page for a spreadsheet: the name of the table, then its row. Numbers are bare, durations in seconds.
func (f *Room) CSV(w http.ResponseWriter, r *http.Request) error {
	v, err := f.read(r)
	if err != nil {
		return err
	}
	handOut(w, "text/csv; charset=utf-8", v.fileName("csv"))
	return writeCSV(w, v.sheets)
}

func writeCSV(w http.ResponseWriter, sheets []sheet) error {
	out := csv.NewWriter(w)
	for _, s := range sheets {
		head := []string{s.title}
		for _, c := range s.columns {
			head = append(head, c.label)
		}
		_ = out.Write(head) // Flush keeps the error
		for _, row := range s.rows {
			line := []string{s.title, row.label}
			for _, x := range row.values {
				line = append(line, x.bare())
			}
			_ = out.Write(line)
		}
	}
	out.Flush()
	return out.Error()
}

// XLSX is the page as a workbook, a table to a sheet.
func (f *Room) XLSX(w http.ResponseWriter, r *http.Request) error {
	v, err := f.read(r)
	if err != nil {
		return err
	}
	book := excelize.NewFile()
	defer book.Close()
	bold, err := book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	for i, s := range v.sheets {
		name := sheetName(s.title)
		if i == 0 {
			err = book.SetSheetName("Sheet1", name)
		} else {
			_, err = book.NewSheet(name)
		}
		if err != nil {
			return err
		}
		if err := fill(book, name, bold, s); err != nil {
			return err
		}
	}
	handOut(w, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", v.fileName("xlsx"))
	_, err = book.WriteTo(w)
	return err
}

func fill(book *excelize.File, name string, bold int, s sheet) error {
	for k, c := range s.columns {
		if err := setCell(book, name, k, 0, c.label); err != nil {
			return err
		}
	}
	if err := book.SetRowStyle(name, 1, 1, bold); err != nil {
		return err
	}
	if err := book.SetColWidth(name, "A", "A", 40); err != nil {
		return err
	}
	for i, row := range s.rows {
		if err := setCell(book, name, 0, i+1, row.label); err != nil {
			return err
		}
		for k, x := range row.values {
			if x.blank {
				continue
			}
			if err := setCell(book, name, k+1, i+1, x.n); err != nil {
				return err
			}
		}
	}
	return nil
}

func setCell(book *excelize.File, name string, column, row int, v any) error {
	cell, err := excelize.CoordinatesToCellName(column+1, row+1)
	if err != nil {
		return err
	}
	return book.SetCellValue(name, cell, v)
}

// sheetName is a title as a workbook takes it: 31 signs at most, some of them refused.
func sheetName(title string) string {
	var name []rune
	for _, r := range title {
		switch r {
		case ':', '\\', '/', '?', '*', '[', ']', '\'', '’':
			r = ' '
		}
		name = append(name, r)
	}
	if utf8.RuneCountInString(string(name)) > 31 {
		name = name[:31]
	}
	return string(name)
}

// JSON is the page for a machine: codes beside the words, numbers as numbers.
func (f *Room) JSON(w http.ResponseWriter, r *http.Request) error {
	v, err := f.read(r)
	if err != nil {
		return err
	}
	type cells map[string]any
	type table struct {
		Code    string   `json:"code"`
		Title   string   `json:"title"`
		Columns []string `json:"columns"`
		Rows    []cells  `json:"rows"`
	}
	out := struct {
		From    string `json:"from"`
		Until   string `json:"until"`
		Channel string `json:"channel,omitempty"`
		// Chosen are the answers that the contacts have, by dimension.
		Chosen map[stats.Dim]string `json:"chosen,omitempty"`
		Tables []table              `json:"tables"`
	}{From: v.asked.from.Format(time.DateOnly), Until: v.asked.until.AddDate(0, 0, -1).Format(time.DateOnly), Channel: v.asked.channel}
	for _, c := range v.asked.chosen {
		if out.Chosen == nil {
			out.Chosen = map[stats.Dim]string{}
		}
		out.Chosen[c.Dim] = c.Code
	}
	for _, s := range v.sheets {
		t := table{Code: s.code, Title: s.title, Rows: []cells{}}
		for _, c := range s.columns {
			t.Columns = append(t.Columns, c.code)
		}
		for _, row := range s.rows {
			line := cells{"code": row.code, "label": row.label}
			for k, x := range row.values {
				if !x.blank && k+1 < len(s.columns) {
					line[s.columns[k+1].code] = x.n
				}
			}
			t.Rows = append(t.Rows, line)
		}
		out.Tables = append(out.Tables, t)
	}
	handOut(w, "application/json; charset=utf-8", v.fileName("json"))
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// PDF is the page on paper. The table of days by hours is too wide for it and stays on the screen.
func (f *Room) PDF(w http.ResponseWriter, r *http.Request) error {
	v, err := f.read(r)
	if err != nil {
		return err
	}
	d := f.document(v.say, v.say.T("stats.title"))
	d.Head(v.say.T("stats.title"))
	d.Small(v.span)
	for _, c := range v.crossings {
		if c.chosen != "" {
			d.Small(v.say.T("stats.chosen", "what", c.label, "answer", c.chosen))
		}
	}
	if len(v.asked.chosen) > 0 {
		d.Text(v.crossedWords())
	}
	d.Text(v.say.T("stats.words"))
	for _, s := range v.sheets {
		if s.chart != "heat" && s.chart != "none" && !s.empty() {
			s.print(v.say, d)
		}
	}
	return handPDF(w, d, v.fileName("pdf"))
}

func (f *Room) document(say *i18n.Printer, title string) *paper.Document {
	return &paper.Document{Lang: say.Lang(), Title: title, Author: f.Site.Name, Header: f.Site.Name, Footer: title, Page: say.T("print.page", "page", "{page}", "pages", "{pages}"), Missing: say.T("print.missing"), At: f.Now()}
}

func handPDF(w http.ResponseWriter, d *paper.Document, name string) error {
	pdf, err := d.PDF()
	if err != nil {
		return err
	}
	handOut(w, "application/pdf", name)
	_, err = w.Write(pdf)
	return err
}

func (s sheet) print(say *i18n.Printer, d *paper.Document) {
	d.Heading(s.title)
	var columns []paper.Column
	for i, c := range s.columns {
		share := 1.0
		if i == 0 {
			share = 2.5
		}
		columns = append(columns, paper.Column{Label: c.label, Share: share, Number: c.number})
	}
	var rows [][]string
	for _, row := range s.rows {
		line := []string{row.label}
		for _, x := range row.values {
			line = append(line, x.in(say))
		}
		rows = append(rows, line)
	}
	d.Table(columns, rows)
}
