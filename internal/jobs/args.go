package jobs

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"

	"github.com/google/uuid"
)

// ID is an id made by us (store.NewID), as args carry it; "" for none.
type ID string

// Code is a word of a list of ours, "mastodon" or "no_answer", as args carry it; "" for none.
type Code string

// Part is an ID or a Code: what the key of Unique is made of.
type Part interface{ plain() bool }

const maxCode = 48

var codeForm = regexp.MustCompile(`^[a-z][a-z0-9]*([._-][a-z0-9]+)*$`)

func (id ID) plain() bool {
	parsed, err := uuid.Parse(string(id))
	return err == nil && parsed.String() == string(id)
}

func (c Code) plain() bool { return len(c) <= maxCode && codeForm.MatchString(string(c)) }

var (
	partType      = reflect.TypeFor[Part]()
	marshalerType = reflect.TypeFor[json.Marshaler]()
)

// checkType says why a type cannot be the args of a job, or nil. Args lie in clear in the record and in its
// copies, so there is no type in them that could hold what somebody said, her name or her address: only ID, Code, whole
// numbers (a time is Unix milliseconds), booleans, and structs and slices of those.
func checkType(t reflect.Type, path string) error {
	if t.Implements(partType) {
		return nil
	}
	if t.Implements(marshalerType) || reflect.PointerTo(t).Implements(marshalerType) {
		return fmt.Errorf("%s (%s) writes itself, so nobody knows what it would write; a time is Unix milliseconds", path, t)
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil
	case reflect.Slice:
		return checkType(t.Elem(), path+"[]")
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() {
				return fmt.Errorf("%s.%s is not exported, so it would be lost", path, f.Name)
			}
			if err := checkType(f.Type, path+"."+f.Name); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%s (%s) could hold a word: jobs carry jobs.ID, jobs.Code, whole numbers and booleans", path, t)
}

// checkValue says which ID or Code is none. Its error names the field and not what was in it.
func checkValue(v reflect.Value, path string) error {
	if part, ok := v.Interface().(Part); ok {
		if v.Len() > 0 && !part.plain() {
			return fmt.Errorf("%s is not %s", path, map[bool]string{true: "an id", false: "a code"}[v.Type() == reflect.TypeFor[ID]()])
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			if err := checkValue(v.Index(i), path+"[]"); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if err := checkValue(v.Field(i), path+"."+v.Type().Field(i).Name); err != nil {
				return err
			}
		}
	}
	return nil
}
