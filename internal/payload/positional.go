package payload

import "reflect"

// Positional is embedded in a struct to say that the struct is a list of arguments
// and not one argument: its exported fields stand for the arguments in the order
// of their declaration.
//
//	type Move struct {
//		payload.Positional
//		Piece string // first argument
//		To    Square // second
//		Proof Binary // third, an attachment
//	}
//
// A field tagged `json:"-"` stands for nothing, an embedded struct for one
// argument. Only a struct that embeds Positional itself, not by way of another
// struct, is a list.
type Positional struct{}

// positionalFields returns the fields of struct type t that stand for
// arguments; ok is false if t does not embed Positional.
func positionalFields(t reflect.Type) (fields []int, ok bool) {
	for i := range t.NumField() {
		sf := t.Field(i)
		switch {
		case sf.Anonymous && sf.Type == positionalType:
			ok = true
		case sf.IsExported() && sf.Tag.Get("json") != "-":
			fields = append(fields, i)
		}
	}
	if !ok {
		return nil, false
	}
	return fields, true
}

// Spread returns the arguments that v stands for: the fields of a struct with
// [Positional], or of the struct that a pointer points to, and otherwise v
// itself as the only one. A nil pointer is one argument, null.
func Spread(v any) []any {
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	if rv.Kind() != reflect.Struct {
		return []any{v}
	}
	p := planOf(rv.Type())
	if !p.positional {
		return []any{v}
	}
	args := make([]any, len(p.fields))
	for i, x := range p.fields {
		args[i] = argument(rv.Field(x))
	}
	return args
}

// argument returns a field as encoding/json would see it inside its struct,
// where a method on the field's pointer counts if the struct is addressable.
func argument(field reflect.Value) any {
	if field.CanAddr() && planOf(field.Type()).marshalsAddr {
		return field.Addr().Interface()
	}
	return field.Interface()
}

// validator is what a payload may implement.
type validator interface{ Validate() error }

// validate calls the Validate method of v, which must be addressable, whether
// its receiver is the value or the pointer. Behind a nil pointer there is
// nothing to check.
func validate(v reflect.Value) error {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	check, ok := v.Addr().Interface().(validator)
	if !ok {
		return nil
	}
	if err := check.Validate(); err != nil {
		return &ValidationError{Err: err}
	}
	return nil
}
