package catalogue

import (
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// outline says on which line of a TOML text each key stands: "category[3].label.fr" → 57. The TOML
// library checks the grammar and fills the structs, but keeps the lines to itself; an editor who is
// refused needs them. The walk below trusts that the text was accepted by the library: it looks for
// keys, strings and brackets and stops quietly at anything else.
type outline map[string]int

// line returns where path stands, or where the nearest of its parents does; 0 when none is known.
func (o outline) line(path string) int {
	for path != "" {
		if n, ok := o[path]; ok {
			return n
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return 0
		}
		path = path[:cut]
	}
	return 0
}

// first returns the first line on which a key stands that is named without its indexes, "category.label";
// 0 when it is nowhere.
func (o outline) first(key string) int {
	first := 0
	for path, line := range o {
		if indexes.ReplaceAllString(path, "") == key && (first == 0 || line < first) {
			first = line
		}
	}
	return first
}

var indexes = regexp.MustCompile(`\[\d+\]`)

// unknown returns the paths that have no field in target, a struct type, in the order of their lines.
func (o outline) unknown(target reflect.Type) []string {
	var paths []string
	for path := range o {
		if !hasPath(target, path) {
			paths = append(paths, path)
		}
	}
	sort.Slice(paths, func(i, j int) bool {
		if o[paths[i]] != o[paths[j]] {
			return o[paths[i]] < o[paths[j]]
		}
		return paths[i] < paths[j]
	})
	// What is inside an unknown table is unknown for the same reason; once is enough.
	var top []string
	for _, path := range paths {
		if len(top) == 0 || !strings.HasPrefix(path, top[len(top)-1]) {
			top = append(top, path)
		}
	}
	return top
}

func hasPath(t reflect.Type, path string) bool {
	for _, part := range strings.Split(path, ".") {
		name, indexes, _ := strings.Cut(part, "[")
		switch t.Kind() {
		case reflect.Pointer:
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Struct:
			field, ok := fieldByTag(t, name)
			if !ok {
				return false
			}
			t = field
		case reflect.Map:
			t = t.Elem()
		default:
			return false
		}
		for range strings.Count(indexes, "]") {
			if t.Kind() == reflect.Slice {
				t = t.Elem()
			}
		}
	}
	return true
}

func fieldByTag(t reflect.Type, name string) (reflect.Type, bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			if found, ok := fieldByTag(f.Type, name); ok {
				return found, true
			}
		}
		if tag, ok := f.Tag.Lookup("toml"); ok && tag == name {
			return f.Type, true
		}
	}
	return nil, false
}

// readOutline walks a TOML text.
func readOutline(text string) outline {
	w := walker{text: text, line: 1, lines: outline{}, tables: map[string]int{}}
	w.document()
	return w.lines
}

type walker struct {
	text   string
	pos    int
	line   int
	lines  outline
	tables map[string]int // path of an array of tables → how many so far
}

func (w *walker) document() {
	prefix := ""
	for w.space(true) {
		start := w.pos
		if w.text[w.pos] == '[' {
			array := strings.HasPrefix(w.text[w.pos:], "[[")
			w.pos++
			if array {
				w.pos++
			}
			prefix = w.table(w.key(), array)
			w.note(prefix)
			for w.pos < len(w.text) && w.text[w.pos] == ']' {
				w.pos++
			}
		} else {
			w.pair(prefix)
		}
		if w.pos == start { // neither a table nor a key: not TOML
			return
		}
	}
}

// table resolves a table's name to a path with the index of every array of tables in it.
func (w *walker) table(parts []string, array bool) string {
	path := ""
	for i, part := range parts {
		path = join(path, part)
		last := i == len(parts)-1
		if last && array {
			w.tables[path]++
		}
		if n, ok := w.tables[path]; ok {
			path += "[" + strconv.Itoa(n-1) + "]"
		}
	}
	return path
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (w *walker) note(path string) {
	if _, ok := w.lines[path]; !ok && path != "" {
		w.lines[path] = w.line
	}
}

// pair reads "key = value".
func (w *walker) pair(prefix string) {
	path := prefix
	for _, part := range w.key() {
		path = join(path, part)
		w.note(path)
	}
	w.space(false)
	if w.pos < len(w.text) && w.text[w.pos] == '=' {
		w.pos++
		w.space(false)
		w.value(path)
	}
}

// key reads a dotted key.
func (w *walker) key() []string {
	var parts []string
	for {
		w.space(false)
		if w.pos >= len(w.text) {
			return parts
		}
		switch c := w.text[w.pos]; {
		case c == '"' || c == '\'':
			start := w.pos
			w.quoted()
			parts = append(parts, strings.Trim(w.text[start:w.pos], `"'`))
		default:
			start := w.pos
			for w.pos < len(w.text) && bare(w.text[w.pos]) {
				w.pos++
			}
			if w.pos == start {
				return parts
			}
			parts = append(parts, w.text[start:w.pos])
		}
		w.space(false)
		if w.pos >= len(w.text) || w.text[w.pos] != '.' {
			return parts
		}
		w.pos++
	}
}

func bare(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (w *walker) value(path string) {
	if w.pos >= len(w.text) {
		return
	}
	switch w.text[w.pos] {
	case '"', '\'':
		w.quoted()
	case '[':
		w.pos++
		for i := 0; w.space(true); {
			switch w.text[w.pos] {
			case ']':
				w.pos++
				return
			case ',':
				w.pos++
			default:
				start := w.pos
				w.note(path + "[" + strconv.Itoa(i) + "]")
				w.value(path + "[" + strconv.Itoa(i) + "]")
				if w.pos == start {
					return
				}
				i++
			}
		}
	case '{':
		w.pos++
		for w.space(true) {
			switch w.text[w.pos] {
			case '}':
				w.pos++
				return
			case ',':
				w.pos++
			default:
				start := w.pos
				w.pair(path)
				if w.pos == start {
					return
				}
			}
		}
	default:
		for w.pos < len(w.text) && !strings.ContainsRune(",]}#\n", rune(w.text[w.pos])) {
			w.pos++
		}
	}
}

// quoted reads a string of any of the four kinds.
func (w *walker) quoted() {
	mark := w.text[w.pos : w.pos+1]
	if triple := strings.Repeat(mark, 3); strings.HasPrefix(w.text[w.pos:], triple) {
		mark = triple
	}
	w.pos += len(mark)
	for w.pos < len(w.text) {
		switch {
		case mark[0] == '"' && w.text[w.pos] == '\\':
			w.pos++
		case strings.HasPrefix(w.text[w.pos:], mark):
			w.pos += len(mark)
			// One or two quotes may stand right before the closing three.
			for len(mark) == 3 && w.pos < len(w.text) && w.text[w.pos] == mark[0] {
				w.pos++
			}
			return
		}
		if w.pos < len(w.text) && w.text[w.pos] == '\n' {
			w.line++
		}
		w.pos++
	}
	w.pos = len(w.text)
}

// space skips blanks, and with lines also ends of lines and comments; false at the end of the text.
func (w *walker) space(lines bool) bool {
	for w.pos < len(w.text) {
		switch c := w.text[w.pos]; {
		case c == ' ' || c == '\t' || c == '\r':
		case c == '\n' && lines:
			w.line++
		case c == '#' && lines:
			for w.pos < len(w.text) && w.text[w.pos] != '\n' {
				w.pos++
			}
			continue
		default:
			return true
		}
		w.pos++
	}
	return false
}
