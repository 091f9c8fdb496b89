package store

import (
	"strconv"
	"strings"
)

// Builder writes a statement whose shape depends on a filter. It only ever appends $n: a value never becomes part of the
// text. Its zero value is empty.
type Builder struct {
	text strings.Builder
	args []any
}

// Text appends SQL.
func (b *Builder) Text(s string) { b.text.WriteString(s) }

// Arg appends a value.
func (b *Builder) Arg(v any) {
	b.args = append(b.args, v)
	b.Text("$" + strconv.Itoa(len(b.args)))
}

// And appends a condition that ends in a value: And("queue =", "night").
func (b *Builder) And(text string, v any) {
	b.Text(" AND " + text + " ")
	b.Arg(v)
}

// In appends a condition that a column is one of these codes or ids, of which there is one at least: In(b, " WHERE state",
// states).
func In[T ~string](b *Builder, column string, values []T) {
	b.Text(column + " IN (")
	for i, v := range values {
		if i > 0 {
			b.Text(", ")
		}
		b.Arg(string(v))
	}
	b.Text(")")
}

// Row appends a row of values, "($1, $2)", after a comma where another one came before: Text("INSERT … VALUES "), then the rows.
func (b *Builder) Row(values ...any) {
	if strings.HasSuffix(b.text.String(), ")") {
		b.Text(", ")
	}
	b.Text("(")
	for i, v := range values {
		if i > 0 {
			b.Text(", ")
		}
		b.Arg(v)
	}
	b.Text(")")
}

// SQL is the statement.
func (b *Builder) SQL() string { return b.text.String() }

// Args are its values, in the order of their numbers.
func (b *Builder) Args() []any { return b.args }
