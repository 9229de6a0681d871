package payload

import "encoding/json"

// Short names keep the rows of the table readable.
var (
	binA, binB, binC = Binary("A"), Binary("BB"), Binary("CCC")
	nilBinary        Binary
	nilInner         *inner
)

// appendTests are arguments, and the text and attachments that they become.
var appendTests = []struct {
	name string
	args []any
	text string
	atts [][]byte
}{
	{"none", nil, "", nil},
	{"scalars", []any{nil, true, 1, int64(-2), uint8(3), 1.5, "x"}, `,null,true,1,-2,3,1.5,"x"`, nil},
	{"html", []any{"<&>", map[string]any{"<": "&"}}, `,"<&>",{"<":"&"}`, nil},
	{"raw", []any{json.RawMessage(`[1, 2]`), json.Number("9223372036854775808")}, `,[1,2],9223372036854775808`, nil},
	{"bytes at top", []any{[]byte("A"), binB}, "," + ph(0) + "," + ph(1), [][]byte{binA, binB}},
	{"nil at top", []any{nilBinary, []byte(nil), nilInner}, ",null,null,null", nil},
	{"empty at top", []any{Binary{}, []byte{}}, "," + ph(0) + "," + ph(1), [][]byte{{}, {}}},
	{"pointer", []any{&binA}, "," + ph(0), [][]byte{binA}},
	{"plain bytes inside", []any{struct{ B []byte }{[]byte("A")}}, `,{"B":"QQ=="}`, nil},
	{"field", []any{inner{Img: binA, Note: "n"}}, `,{"img":` + ph(0) + `,"note":"n"}`, [][]byte{binA}},
	{"nil field", []any{inner{}}, `,{"img":null}`, nil},
	{"empty field", []any{inner{Img: Binary{}}}, `,{"img":` + ph(0) + `}`, [][]byte{{}}},
	{"slice", []any{[]Binary{binA, nil, {}, binB}}, ",[" + ph(0) + ",null," + ph(1) + "," + ph(2) + "]", [][]byte{binA, {}, binB}},
	{"map in key order", []any{map[string]any{"z": binA, "a": binB, "m": 1}}, `,{"a":` + ph(0) + `,"m":1,"z":` + ph(1) + `}`, [][]byte{binB, binA}},
	{"number keys sort as text", []any{map[int]Binary{10: binA, 9: binB}}, `,{"10":` + ph(0) + `,"9":` + ph(1) + `}`, [][]byte{binA, binB}},
	{"text keys sort as text", []any{map[textKey]Binary{{1}: binA, {2}: binB}}, `,{"998":` + ph(0) + `,"999":` + ph(1) + `}`, [][]byte{binB, binA}},
	{"escaped keys", []any{map[string]Binary{"\n": binA, `"`: binB, "ü\u2028": binC}}, `,{"\n":` + ph(0) + `,"\"":` + ph(1) + `,"ü\u2028":` + ph(2) + `}`, [][]byte{binA, binB, binC}},
	{"keys that are not UTF-8", []any{map[string]any{"\xff": binA, "\xfe": binB}}, `,{"\ufffd":` + ph(0) + `,"\ufffd":` + ph(1) + `}`, [][]byte{binB, binA}},
	{"several arguments", []any{[]any{binA}, 1, inner{Img: binB}, binC}, ",[" + ph(0) + `],1,{"img":` + ph(1) + `},` + ph(2), [][]byte{binA, binB, binC}},
	{"deep pointer", []any{ptr(ptr(ptr(inner{Img: binA})))}, `,{"img":` + ph(0) + `}`, [][]byte{binA}},
	{"interface in pointer", []any{ptr(any(ptr(any(binA))))}, "," + ph(0), [][]byte{binA}},
	{"nil interfaces", []any{[]any{nil, nilInner, any(nil), binA}}, ",[null,null,null," + ph(0) + "]", [][]byte{binA}},
	{"embedding", []any{embeds{Shared: Shared{Img: binA, Deep: binB}, lower: lower{Promoted: binC}, Img: 5}}, `,{"deep":` + ph(0) + `,"Promoted":` + ph(1) + `,"Img":5}`, [][]byte{binB, binC}},
	{"embedded pointer", []any{embeds{inner: &inner{Img: binA}}}, `,{"deep":null,"Promoted":null,"img":` + ph(0) + `,"Img":0}`, [][]byte{binA}},
	{"tied names", []any{ties{left: left{Twice: binA, Winner: binB}, right: right{Twice: binC}}}, `,{"win":` + ph(0) + `,"Winner":null,"other":""}`, [][]byte{binB}},
	{"tag wins", []any{tagWins{left2: left2{A: binA}, right2: right2{X: binB}}}, `,{"X":` + ph(0) + `}`, [][]byte{binA}},
	{"struct embedded twice", []any{sameTwice{viaA: viaA{Common{Lost: binA}}}}, `,{}`, nil},
	{"struct embedded at two depths", []any{atTwoDepths{Common: Common{Lost: binA}}}, `,{"Lost":` + ph(0) + `}`, [][]byte{binA}},
	{"nil key", []any{map[*textKey]Binary{nil: binA, {1}: binB}}, `,{"":` + ph(0) + `,"999":` + ph(1) + `}`, [][]byte{binA, binB}},
	{"one value twice", []any{[]*inner{{Img: binA}, {Img: binA}}}, `,[{"img":` + ph(0) + `},{"img":` + ph(1) + `}]`, [][]byte{binA, binA}},
	{"list", []any{recursive{Img: binA, Next: &recursive{Next: &recursive{Img: binB}}}}, `,{"Img":` + ph(0) + `,"Next":{"Img":null,"Next":{"Img":` + ph(1) + `,"Next":null,"Kids":null,"ByKey":null,"Any":null},"Kids":null,"ByKey":null,"Any":null},"Kids":null,"ByKey":null,"Any":null}`, [][]byte{binA, binB}},
	{"options", []any{options{A: binA, B: binB, C: binC, N: 5}}, `,{"a":` + ph(0) + `,"B":` + ph(1) + `,"N":"5","-":null}`, [][]byte{binA, binB}},
	{"options left out", []any{options{A: Binary{}, B: Binary{}}}, `,{"B":` + ph(0) + `,"N":"0","-":null}`, [][]byte{{}}},
	{"opaque value", []any{opaqueValue{Img: binA}, []any{opaqueValue{Img: binA}, binB}}, `,["opaque","QQ=="],[["opaque","QQ=="],` + ph(0) + `]`, [][]byte{binB}},
	{"opaque when addressable", []any{opaquePointer{Img: binA}, &opaquePointer{Img: binA}}, `,{"Img":` + ph(0) + `},["opaque","QQ=="]`, [][]byte{binA}},
	{"text that looks like a placeholder", []any{map[string]any{"s": ph(0), "b": binA}}, `,{"b":` + ph(0) + `,"s":"{\"_placeholder\":true,\"num\":0}"}`, [][]byte{binA}},
	{"data that looks like one, alone", []any{map[string]any{"_placeholder": true, "num": 0}}, "," + ph(0), nil},
	{"false look-alike", []any{map[string]any{"_placeholder": false, "b": binA}}, `,{"_placeholder":false,"b":` + ph(0) + `}`, [][]byte{binA}},
	{"same base64", []any{map[string]any{"s": "QQ==", "b": binA}}, `,{"b":` + ph(0) + `,"s":"QQ=="}`, [][]byte{binA}},
}

type options struct {
	A    Binary `json:"a,omitempty"`
	B    Binary `json:",omitzero"`
	C    Binary `json:"-"`
	N    int    `json:",string"`
	Dash Binary `json:"-,"` //nolint:staticcheck // encoding/json names it "-"
}
