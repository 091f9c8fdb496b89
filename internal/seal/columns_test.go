package seal_test

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// clearColumns is the one list of what is left in clear.
const clearColumns = "../../docs/clear-columns.txt"

// A column of the record is sealed (a BLOB whose name ends in "_sealed") or named in
// docs/clear-columns.txt with the reason why it is not. A new column is neither until somebody has
// thought about it.
func TestEveryColumnIsSealedOrListed(t *testing.T) {
	text, err := os.ReadFile(clearColumns)
	if err != nil {
		t.Fatal(err)
	}
	listed, faults := readClearColumns(string(text))
	for _, f := range faults {
		t.Errorf("%s: %s", clearColumns, f)
	}
	columns := liveColumns(t, storetest.SQLite(t))
	if len(columns) < 30 {
		t.Fatalf("only %d columns are seen, so the test shows nothing", len(columns))
	}
	for _, c := range columns {
		if fault := c.judge(listed[c.name] > 0); fault != "" {
			t.Errorf("%s %s", c.name, fault)
		}
		delete(listed, c.name)
	}
	for name, line := range listed {
		t.Errorf("%s, line %d: there is no column %s (any more)", clearColumns, line, name)
	}
}

// column is one column of the live record, "table.column" or "keys.table.column".
type column struct{ name, kind string }

// judge says what is wrong with a column, or "".
func (c column) judge(listed bool) string {
	named := strings.HasSuffix(c.name, "_sealed")
	switch {
	case named && c.kind != "BLOB":
		return "is named as sealed, but its type is " + c.kind
	case named && listed:
		return "is sealed and listed as clear; it cannot be both"
	case !named && !listed:
		return "is neither sealed nor listed in docs/clear-columns.txt: seal it, or say there why it may be read"
	}
	return ""
}

func liveColumns(t testing.TB, db *store.DB) []column {
	t.Helper()
	var all []column
	for schema, prefix := range map[string]string{"main": "", "keys": "keys."} {
		found, err := store.All(ctx, db, func(r store.Row) (c column, err error) {
			var table, name string
			err = r.Scan(&table, &name, &c.kind)
			c.name = prefix + table + "." + name
			return c, err
		}, fmt.Sprintf(`SELECT t.name, c.name, c.type FROM %[1]s.sqlite_master t, pragma_table_xinfo(t.name, '%[1]s') c
			WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite\_%%' ESCAPE '\' ORDER BY 1, c.cid`, schema))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

// listLine is "table: column column = reason".
var listLine = regexp.MustCompile(`^([a-z_.]+): ([a-z0-9_ ]+[a-z0-9_]) = (\S.{7,})$`)

// readClearColumns returns the listed columns with their lines, and what is wrong with the list.
func readClearColumns(text string) (listed map[string]int, faults []string) {
	listed = map[string]int{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := listLine.FindStringSubmatch(line)
		if m == nil {
			faults = append(faults, fmt.Sprintf("line %d is not \"table: column column = reason\"", n))
			continue
		}
		for _, c := range strings.Fields(m[2]) {
			name := m[1] + "." + c
			if listed[name] > 0 {
				faults = append(faults, fmt.Sprintf("line %d: %s is listed twice", n, name))
			}
			listed[name] = n
		}
	}
	return listed, faults
}

// The test above would notice: a new column, a sealed name on a readable type, a column listed twice, a
// line without a reason.
func TestColumnsAreJudged(t *testing.T) {
	db := storetest.SQLite(t)
	exec(t, db, `CREATE TABLE diary (id TEXT, words TEXT, mood_sealed TEXT, page_sealed BLOB)`)
	exec(t, db, `CREATE VIEW diary_words AS SELECT words AS said FROM diary`)
	list := "diary: id = it is an id and nothing else\n"
	listed, faults := readClearColumns(list)
	if len(faults) > 0 {
		t.Error(faults)
	}
	var wrong []string
	for _, c := range liveColumns(t, db) {
		if strings.HasPrefix(c.name, "diary") && c.judge(listed[c.name] > 0) != "" {
			wrong = append(wrong, c.name)
		}
	}
	slices.Sort(wrong)
	if want := []string{"diary.mood_sealed", "diary.words", "diary_words.said"}; !slices.Equal(wrong, want) {
		t.Errorf("wrong are %v, want %v", wrong, want)
	}
	for _, bad := range []string{"diary: id = \n", "diary: id\n", "diary.id\n", list + list} {
		if _, faults := readClearColumns(bad); len(faults) == 0 {
			t.Errorf("%q is taken", bad)
		}
	}
}
