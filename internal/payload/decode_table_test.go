package payload

import "encoding/json"

// bindTests are arguments of a packet with the attachments of abc, and what a
// destination holds afterwards.
var bindTests = []struct {
	name string
	raw  string
	dst  any
	want any
}{
	{"number", `5`, new(int), 5},
	{"big number", `9223372036854775807`, new(int64), int64(1<<63 - 1)},
	{"number kept", `9223372036854775808`, new(json.Number), json.Number("9223372036854775808")},
	{"number beyond float64", `1e999`, new(json.Number), json.Number("1e999")},
	{"number in an interface", `3`, new(any), 3.0},
	{"raw", `{"a": 1}`, new(json.RawMessage), json.RawMessage(`{"a": 1}`)},
	{"raw placeholder", ph(1), new(json.RawMessage), json.RawMessage(ph(1))},
	{"unusual key", `{"__proto__":1}`, new(map[string]int), map[string]int{"__proto__": 1}},
	{"bytes", ph(1), new([]byte), []byte("BB")},
	{"bytes pointer", ph(1), new(*[]byte), ptr([]byte("BB"))},
	{"bytes from base64", `"QUI="`, new([]byte), []byte("AB")},
	{"bytes from null", `null`, ptr([]byte("x")), []byte(nil)},
	{"Binary", ph(0), new(Binary), Binary("A")},
	{"Binary empty", ph(2), new(Binary), Binary{}},
	{"Binary pointers", ph(0), new(**Binary), ptr(ptr(Binary("A")))},
	{"Binary from base64", `"QUI="`, new(Binary), Binary("AB")},
	{"Binary from empty text", `""`, new(Binary), Binary{}},
	{"Binary from null", `null`, ptr(Binary("x")), Binary(nil)},
	{"interface", ph(1), new(any), Binary("BB")},
	{"interface with something", ph(1), ptr(any(5)), Binary("BB")},
	{"escaped key", `{"\u005fplaceholder":true,"num":0}`, new(Binary), Binary("A")},
	{"other spelling", ` {"x":[1], "num" : 1.0 ,"_placeholder":true}`, new(any), Binary("BB")},
	{"other spelling inside", `[{"x":[1],"num":1.0,"_pl\u0061ceholder":true}]`, new([]any), []any{Binary("BB")}},
	{"field", `{"img":` + ph(0) + `,"note":"n"}`, new(inner), inner{Img: Binary("A"), Note: "n"}},
	{"field by other case", `{"IMG":` + ph(0) + `}`, new(inner), inner{Img: Binary("A")}},
	{"last of two", `{"img":` + ph(0) + `,"img":` + ph(1) + `}`, new(inner), inner{Img: Binary("BB")}},
	{"null after placeholder", `{"img":` + ph(0) + `,"img":null}`, new(inner), inner{}},
	{"missing field", `{"x":` + ph(0) + `}`, new(inner), inner{}},
	{"slice", `[` + ph(1) + `,null,"QQ==",` + ph(1) + `]`, new([]Binary), []Binary{Binary("BB"), nil, Binary("A"), Binary("BB")}},
	{"array", `[` + ph(0) + `,` + ph(1) + `,5]`, new([2]Binary), [2]Binary{Binary("A"), Binary("BB")}},
	{"map", `{"a":` + ph(0) + `,"b":null}`, new(map[string]Binary), map[string]Binary{"a": Binary("A"), "b": nil}},
	{"map of structs", `{"1":{"img":` + ph(0) + `}}`, new(map[int]inner), map[int]inner{1: {Img: Binary("A")}}},
	{"map of arrays", `{"1":[` + ph(0) + `]}`, new(map[textKey][1]Binary), map[textKey][1]Binary{{999}: {Binary("A")}}},
	{"map of named keys", `{"a":` + ph(0) + `}`, new(map[named]any), map[named]any{"a": Binary("A")}},
	{"named map", `{"a":[` + ph(0) + `]}`, new(object), object{"a": []any{Binary("A")}}},
	{"untyped", `{"a":[1,{"b":` + ph(1) + `},"s",null,true],"c":` + ph(0) + `}`, new(any), map[string]any{
		"a": []any{1.0, map[string]any{"b": Binary("BB")}, "s", nil, true}, "c": Binary("A"),
	}},
	{"untyped map", `{"a":` + ph(1) + `}`, new(map[string]any), map[string]any{"a": Binary("BB")}},
	{"untyped slice", `[` + ph(2) + `]`, new([]any), []any{Binary{}}},
	{"untyped field", `{"Any":[` + ph(0) + `],"Object":{"k":` + ph(1) + `},"Anys":[1]}`, new(containers), containers{
		Any: []any{Binary("A")}, Object: map[string]any{"k": Binary("BB")}, Anys: []any{1.0},
	}},
	{"not true", `{"_placeholder":"true","num":0}`, new(any), map[string]any{"_placeholder": "true", "num": 0.0}},
	{"text", `"{\"_placeholder\":true,\"num\":0}"`, new(any), `{"_placeholder":true,"num":0}`},
	{"embedded", `{"deep":` + ph(0) + `,"Promoted":` + ph(1) + `}`, new(struct {
		Shared
		lower
	}), struct {
		Shared
		lower
	}{Shared: Shared{Deep: Binary("A")}, lower: lower{Promoted: Binary("BB")}}},
	{"embedded pointer", `{"Img":` + ph(0) + `}`, new(struct{ *Shared }), struct{ *Shared }{&Shared{Img: Binary("A")}}},
	{"list", `{"Next":{"Next":{"Img":` + ph(0) + `}},"Kids":[{"Img":` + ph(1) + `}],"ByKey":{"k":{"Any":` + ph(0) + `}}}`, new(recursive), recursive{
		Next: &recursive{Next: &recursive{Img: Binary("A")}}, Kids: []recursive{{Img: Binary("BB")}}, ByKey: map[string]*recursive{"k": {Any: Binary("A")}},
	}},
	{"method with alias", `{"Img":` + ph(0) + `}`, new(alias), alias{Img: Binary("A"), Count: 7}},
	{"method chooses pointer", `{"kind":"pointer","body":{"img":` + ph(1) + `}}`, new(message), message{Body: &inner{Img: Binary("BB")}}},
	{"method chooses value", `{"kind":"value","body":{"img":` + ph(1) + `}}`, new(message), message{Body: inner{Img: Binary("BB")}}},
	{"pointer in an interface", `{"img":` + ph(0) + `}`, ptr(any(&inner{Note: "was here"})), &inner{Img: Binary("A"), Note: "was here"}},
	{"unexported without", `{"a":[true,null,{"_placeholder":1}],"\u005f":true}`, new(optional[any]), optional[any]{set: true, value: map[string]any{
		"a": []any{true, nil, map[string]any{"_placeholder": 1.0}}, "_": true,
	}}},
	{"value in an interface", `{"img":` + ph(0) + `}`, ptr(any(inner{})), map[string]any{"img": Binary("A")}},
}

// bindErrorTests are refused, in a packet with the attachments of abc.
var bindErrorTests = []struct {
	name string
	raw  string
	dst  any
	is   error // nil: an error of encoding/json
}{
	{"type", `"x"`, new(int), nil},
	{"overflow", `300`, new(uint8), nil},
	{"float into an interface", `1e999`, new(any), nil},
	{"index", ph(3), new(Binary), ErrPlaceholder},
	{"index in bytes", ph(3), new([]byte), ErrPlaceholder},
	{"index in an interface", ph(3), new(any), ErrPlaceholder},
	{"index in a field", `{"img":` + ph(3) + `}`, new(inner), ErrPlaceholder},
	{"index in untyped", `[` + ph(3) + `]`, new(any), ErrPlaceholder},
	{"negative", `[{"_placeholder":true,"num":-1}]`, new([]Binary), ErrPlaceholder},
	{"negative untyped", `[{"_placeholder":true,"num":-1}]`, new([]any), ErrPlaceholder},
	{"fraction", `[{"_placeholder":true,"num":0.5}]`, new([]Binary), ErrPlaceholder},
	{"fraction untyped", `[{"_placeholder":true,"num":0.5}]`, new([]any), ErrPlaceholder},
	{"no number", `[{"_placeholder":true}]`, new([]Binary), ErrPlaceholder},
	{"text as number", `[{"_placeholder":true,"num":"0"}]`, new([]any), ErrPlaceholder},
	{"huge", `[{"_placeholder":true,"num":1e300}]`, new([]any), ErrPlaceholder},
	{"struct", ph(0), new(inner), ErrPlaceholder},
	{"map", ph(0), new(map[string]any), ErrPlaceholder},
	{"map inside", `[` + ph(0) + `]`, new([]map[string]any), ErrPlaceholder},
	{"string", ph(0), new(*string), ErrPlaceholder},
	{"interface with methods", ph(0), new(marshaler), ErrPlaceholder},
	{"nested bytes", `{"B":` + ph(0) + `}`, new(struct{ B []byte }), nil},
	{"object for Binary", `[{"num":0}]`, new([]Binary), nil},
	{"array for Binary", `[[1]]`, new([]Binary), nil},
	{"number for Binary", `[1]`, new([]Binary), nil},
	{"bad base64", `["!"]`, new([]Binary), nil},
	{"unexported", ph(0), new(optional[Binary]), ErrPlaceholder},
	{"unexported map", `{"a":` + ph(0) + `}`, new(optional[map[string]Binary]), ErrPlaceholder},
	{"unexported slice", `[{"img":` + ph(0) + `}]`, new(optional[[]*inner]), ErrPlaceholder},
	{"unexported interface", `[` + ph(0) + `]`, new(optional[any]), ErrPlaceholder},
	{"unexported interface itself", `{"a":` + ph(0) + `}`, new(optional[map[string]any]), ErrPlaceholder},
	{"nil", `1`, nil, nil},
	{"no pointer", `1`, 5, nil},
	{"nil pointer", `1`, (*int)(nil), nil},
}
