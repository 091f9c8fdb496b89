package workbook_test

import (
	"bytes"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"vigie/internal/workbook"
)

// Another program reads what was written: words as words, numbers as numbers.
func TestAnotherProgramReadsIt(t *testing.T) {
	heads := make([]string, 30) // beyond Z
	for i := range heads {
		heads[i] = "Colonne " + strings.Repeat("é", i%3)
	}
	var b bytes.Buffer
	w, err := workbook.New(&b, `Ce qui « reste » & <plus>`, heads)
	if err != nil {
		t.Fatal(err)
	}
	row := make([]any, 30)
	row[0], row[1], row[2], row[28], row[29] = `=1+1`, 42, int64(-7), "a\x00b <b> &amp; \"", "  des espaces "
	if err := w.Row(row...); err != nil {
		t.Fatal(err)
	}
	if err := w.Row(3.5); err == nil {
		t.Error("a kind of cell that is not known is written")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	book, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	rows, err := book.GetRows(book.GetSheetName(0))
	if err != nil {
		t.Fatal(err)
	}
	if book.GetSheetName(0) != `Ce qui « reste » & <plus>` || !slices.Equal(rows[0], heads) {
		t.Errorf("the sheet %q begins with %q", book.GetSheetName(0), rows[0])
	}
	want := make([]string, 30)
	want[0], want[1], want[2], want[28], want[29] = `=1+1`, "42", "-7", "a\uFFFDb <b> &amp; \"", "  des espaces "
	if !slices.Equal(rows[1], want) {
		t.Errorf("the row is %q, want %q", rows[1], want)
	}
	if formula, err := book.GetCellFormula(book.GetSheetName(0), "A2"); err != nil || formula != "" {
		t.Errorf("words are taken for the formula %q (%v)", formula, err)
	}
}

// A hundred thousand rows take no more memory than a thousand.
func TestMemoryStaysFlat(t *testing.T) {
	held := func(rows int) uint64 {
		w, err := workbook.New(io.Discard, "x", []string{"a", "b", "c"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			if err := w.Row("un réseau, un autre", i, int64(i)); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return m.HeapAlloc
	}
	few, many := held(1000), held(100_000)
	if many > few+1<<20 {
		t.Errorf("%d bytes are held for a thousand rows, %d for a hundred thousand", few, many)
	}
}
