package payload

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// jsonField is a field of a struct as encoding/json writes it.
type jsonField struct {
	name  string
	index []int // path through embedded structs, for reflect
	typ   reflect.Type
	tag   bool // the name comes from a tag
	twice bool // its struct is embedded more than once at this depth
}

// level is an embedded struct whose fields are to be looked at.
type level struct {
	typ   reflect.Type
	index []int
	twice bool
}

// jsonFields returns the fields of struct type t that encoding/json writes,
// with its rules: tags, embedded structs, and which field wins a name. It goes
// through the structs breadth first, because a shallow field hides deep ones.
func jsonFields(t reflect.Type) []jsonField {
	var all []jsonField
	seen := map[reflect.Type]bool{}
	for here := []level{{typ: t}}; len(here) > 0; {
		var deeper []level
		for _, l := range here {
			if seen[l.typ] {
				continue // hidden by the same struct further up
			}
			seen[l.typ] = true
			for i := range l.typ.NumField() {
				f, embedded, ok := readField(l, i)
				switch {
				case !ok:
				case embedded:
					deeper = addLevel(deeper, f)
				default:
					all = append(all, f)
				}
			}
		}
		here = deeper
	}
	return dominant(all)
}

// readField describes field i of l. If embedded is true, its fields count as
// fields of the struct around it. If ok is false, encoding/json ignores it.
func readField(l level, i int) (f jsonField, embedded, ok bool) {
	sf := l.typ.Field(i)
	tag := sf.Tag.Get("json")
	if tag == "-" || !sf.IsExported() && !isEmbeddedStruct(sf) {
		return f, false, false
	}
	name, _, _ := strings.Cut(tag, ",")
	if !validName(name) {
		name = ""
	}
	f = jsonField{
		name:  name,
		index: append(slices.Clip(l.index), i),
		typ:   sf.Type,
		tag:   name != "",
		twice: l.twice,
	}
	if name == "" {
		f.name = sf.Name
		embedded = isEmbeddedStruct(sf)
	}
	return f, embedded, true
}

// isEmbeddedStruct tells whether sf embeds a struct or a pointer to one.
func isEmbeddedStruct(sf reflect.StructField) bool {
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return sf.Anonymous && t.Kind() == reflect.Struct
}

// addLevel notes that the struct in f is to be looked at, once.
func addLevel(levels []level, f jsonField) []level {
	t := f.typ
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for i := range levels {
		if levels[i].typ == t {
			levels[i].twice = true
			return levels
		}
	}
	return append(levels, level{typ: t, index: f.index})
}

// dominant returns the fields that win their name: the shallowest, and among
// those of one depth the only tagged one, or the only one. Nobody wins a tie.
func dominant(all []jsonField) []jsonField {
	byName := map[string][]jsonField{}
	for _, f := range all {
		byName[f.name] = append(byName[f.name], f)
	}
	var out []jsonField
	for _, rivals := range byName {
		slices.SortFunc(rivals, compareRank)
		first := rivals[0]
		tied := len(rivals) > 1 && compareRank(first, rivals[1]) == 0
		if !first.twice && !tied {
			out = append(out, first)
		}
	}
	return out
}

// compareRank puts the field that hides the other one first.
func compareRank(a, b jsonField) int {
	switch {
	case len(a.index) != len(b.index):
		return len(a.index) - len(b.index)
	case a.tag == b.tag:
		return 0
	case a.tag:
		return -1
	default:
		return 1
	}
}

// validName tells whether encoding/json takes a tag's name; it ignores names
// with other characters. None of the allowed ones is escaped in JSON, so that a
// key can be compared with a name byte by byte.
func validName(name string) bool {
	for _, r := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return name != ""
}
