// Writes edge.json: what the official parser makes of inputs on the edges of the
// grammar, in the layout of sio-parser.json; how JavaScript prints numbers that
// are event names (kind "number"); how it writes strings (kind "string").
// To run it again:
//
//   npm install --no-save socket.io-parser@4.2.7
//   node capture.mjs > edge.json
import { Decoder } from "socket.io-parser";
import { readFileSync } from "node:fs";

const nested = (n) => "[".repeat(n) + "]".repeat(n);
const nestedObject = (n) => '{"a":'.repeat(n - 1) + "{}" + "}".repeat(n - 1);
const ph = (num) => `{"_placeholder":true,"num":${num}}`;
const b1 = { hex: "01" };
const b2 = { hex: "02" };

const cases = {
  // The type.
  "type-space": [" "],
  "type-newline": ["\n"],
  "type-space-auth": [' {"a":1}'],
  "type-8": ["8"],
  "type-minus": ["-1"],
  "type-fullwidth-digit": ["２[\"x\"]"],

  // The attachment count.
  "count-leading-zero": [`501-["x",${ph(0)}]`, b1],
  "count-plus": [`5+1-["x",${ph(0)}]`, b1],
  "count-trailing-space": [`51 -["x",${ph(0)}]`, b1],
  "count-fraction-zero": [`51.0-["x",${ph(0)}]`, b1],
  "count-binary-literal": [`50b1-["x",${ph(0)}]`, b1],
  "count-newline": [`5\n1-["x",${ph(0)}]`, b1],
  "count-arabic-digit": [`5١-["x"]`],
  "count-10": ['510-["x"]'],
  "count-2-to-the-64": ['518446744073709551616-["x"]'],
  "count-2-to-the-64-plus-1": [`518446744073709551617-["x",${ph(0)}]`],
  "count-infinity": ['5Infinity-["x"]'],
  "count-two-dashes": ['51--["x"]', b1],
  "count-end": ["51"],
  "count-on-ack-zero": ["60-[]"],
  "count-dash-in-data": ['5["x","1-"]'],

  // The namespace.
  "namespace-slash-end": ["0/"],
  "namespace-two-slashes": ["0//"],
  "namespace-slash-comma-end": ["0/,"],
  "namespace-path": ['2/a/b,["x"]'],
  "namespace-two-commas": ['2/a,b,["x"]'],
  "namespace-after-space": ['2 /a,["x"]'],
  "namespace-without-slash": ['2a,["x"]'],
  "namespace-unicode": ['2/é€,["x"]'],
  "namespace-254-after-slash": [`0/${"a".repeat(254)},`],
  "namespace-255-after-slash": [`0/${"a".repeat(255)},`],
  "namespace-eats-json": ['2/a["x"]'],
  "namespace-digits": ['2/1,2["x"]'],

  // The ack id.
  "id-2-to-the-53-minus-1": ['29007199254740991["x"]'],
  "id-2-to-the-53": ['29007199254740992["x"]'],
  "id-16-nines": ['29999999999999999["x"]'],
  "id-17-digits": ['212345678901234567["x"]'],
  "id-16-digits-leading-zero": ['20000000000000007["x"]'],
  "id-17-digits-leading-zero": ['200000000000000007["x"]'],
  "id-2-to-the-64": ['218446744073709551616["x"]'],
  "id-400-digits": [`2${"9".repeat(400)}["x"]`],
  "id-tab": ['2\t["x"]'],
  "id-no-break-space": ['2\u00a0["x"]'],
  "id-trailing-space": ['21 ["x"]'],
  "id-hex": ['20x1["x"]'],
  "id-arabic-digit": ['2٣["x"]'],
  "id-on-connect": ["05{}"],
  "id-on-disconnect": ["15"],
  "id-on-connect-error": ['45"x"'],
  "id-space-on-disconnect": ["1 "],
  "id-only-space": ["2 "],
  "id-after-count": [`51-7["x",${ph(0)}]`, b1],

  // JSON.
  "json-leading-zero": ['2["x",01]'],
  "json-no-fraction": ['2["x",1.]'],
  "json-no-integer": ['2["x",.5]'],
  "json-plus": ['2["x",+1]'],
  "json-no-exponent": ['2["x",1e]'],
  "json-exponent-sign-only": ['2["x",1e-]'],
  "json-minus-only": ['2["x",-]'],
  "json-two-minus": ['2["x",--1]'],
  "json-minus-zero": ['2["x",-0]'],
  "json-exponent-plus": ['2["x",1E+2]'],
  "json-exponent-zeros": ['2["x",1e007]'],
  "json-overflow": ['2["x",1e999,-1e999]'],
  "json-underflow": ['2["x",1e-999]'],
  "json-2-to-the-63": ['2["x",9223372036854775808]'],
  "json-hex": ['2["x",0x1]'],
  "json-nan": ['2["x",NaN]'],
  "json-infinity": ['2["x",Infinity]'],
  "json-undefined": ['2["x",undefined]'],
  "json-trailing-comma": ['2["x",]'],
  "json-object-trailing-comma": ['2["x",{"a":1,}]'],
  "json-two-commas": ['2["x",,1]'],
  "json-no-comma": ['2["x" 1]'],
  "json-no-colon": ['2["x",{"a" 1}]'],
  "json-no-value": ['2["x",{"a":}]'],
  "json-bare-key": ['2["x",{a:1}]'],
  "json-number-key": ['2["x",{1:1}]'],
  "json-single-quotes": ["2['x']"],
  "json-comment": ['2["x"/**/]'],
  "json-raw-control": ['2["x","\u0001"]'],
  "json-raw-newline": ['2["x","\n"]'],
  "json-raw-delete": ['2["x","\u007f"]'],
  "json-unknown-escape": ['2["x","\\x"]'],
  "json-short-unicode-escape": ['2["x","\\u12"]'],
  "json-bad-unicode-escape": ['2["x","\\u00zz"]'],
  "json-all-escapes": ['2["x","\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\uD83D\\uDE00"]'],
  "json-lone-low-surrogate": ['2["x","\\udc00"]'],
  "json-truncated-literal": ['2["x",tru]'],
  "json-capital-literal": ['2["x",True]'],
  "json-long-literal": ['2["x",truee]'],
  "json-byte-order-mark": ['2\ufeff["x"]'],
  "json-two-values": ['2["x"]["y"]'],
  "json-extra-bracket": ['2["x"]]'],
  "json-wrong-bracket": ['2["x"}'],
  "json-unclosed-array": ['2["x"'],
  "json-unclosed-object": ['2["x",{"a":1]'],
  "json-unclosed-string": ['2["x'],
  "json-ends-in-backslash": ['2["x\\'],
  "json-trailing-space": ['2["x"] '],
  "json-trailing-newlines": ['2["x"]\r\n\t'],
  "json-trailing-no-break-space": ['2["x"]\u00a0'],
  "json-inner-no-break-space": ['2["x",\u00a01]'],
  "json-inner-whitespace": ['2[\t"x"\n,\r{ "a" : [ ] , "b" : { } } ]'],
  "json-empty-key": ['2["x",{"":1}]'],
  "json-constructor-key": ['2["x",{"constructor":{"prototype":1},"toString":2}]'],
  "json-depth-64": [`2["x",${nested(63)}]`],
  "json-depth-65": [`2["x",${nested(64)}]`],
  "json-depth-64-objects": [`2["x",${nestedObject(63)}]`],
  "json-depth-65-objects": [`2["x",${nestedObject(64)}]`],
  "json-depth-65-ack": [`30${nested(65)}`],
  "json-depth-16-connect": [`0${nestedObject(16)}`],
  "json-depth-17-connect": [`0${nestedObject(17)}`],
  "json-depth-17-connect-error": [`4${nestedObject(17)}`],

  // Event names.
  "name-fraction": ["2[1.5]"],
  "name-1e21": ["2[1e21]"],
  "name-minus-zero": ["2[-0]"],
  "name-minus": ["2[-7]"],
  "name-overflow": ["2[1e999]"],
  "name-array": ['2[["x"]]'],
  "name-false": ["2[false]"],
  "name-escaped-reserved": ['2["\\u0063onnect"]'],
  "name-capital-reserved": ['2["Connect"]'],
  "name-reserved-prefix": ['2["connecting"]'],
  "name-reserved-with-space": ['2[" connect"]'],
  "name-reserved-with-nul": ['2["connect\\u0000"]'],
  "name-namespace-reserved": ['2["connection"]'],
  "name-error": ['2["error","x"]'],
  "name-proto": ['2["__proto__"]'],
  "name-255": [`2["${"a".repeat(255)}"]`],
  "name-256": [`2["${"a".repeat(256)}"]`],
  "name-255-escaped": [`2["${"\\u0061".repeat(255)}"]`],
  "name-256-escaped": [`2["${"\\u0061".repeat(256)}"]`],
  "name-256-digits": [`2[${"1".repeat(256)}]`],
  "name-reserved-binary": [`51-["disconnect",${ph(0)}]`, b1],

  // Shapes.
  "connect-space-payload": ["0 {}"],
  "connect-trailing-space": ["0{} "],
  "connect-false": ["0false"],
  "connect-broken": ['0{"a"'],
  "disconnect-array": ["1[]"],
  "disconnect-null": ["1null"],
  "disconnect-namespace-payload": ["1/admin,{}"],
  "disconnect-broken-json": ["1{"],
  "connect-error-none": ["4"],
  "connect-error-null": ["4null"],
  "connect-error-empty-string": ['4""'],
  "ack-none": ["3"],
  "ack-id-none": ["37"],
  "ack-null-element": ["30[null]"],
  "ack-string": ['30"x"'],
  "ack-reserved-word": ['30["connect"]'],
  "event-null": ["2null"],

  // Placeholders.
  "placeholder-1e0": [`52-["x",${ph("1e0")}]`, b1, b2],
  "placeholder-0.0": [`51-["x",${ph("0.0")}]`, b1],
  "placeholder-minus-zero": [`51-["x",${ph("-0")}]`, b1],
  "placeholder-rounds-to-1": [`52-["x",${ph("1.0000000000000000001")}]`, b1, b2],
  "placeholder-32-characters": [`51-["x",${ph("0." + "0".repeat(30))}]`, b1],
  "placeholder-33-characters": [`51-["x",${ph("0." + "0".repeat(31))}]`, b1],
  "placeholder-1.5": [`53-["x",${ph("1.5")}]`, b1, b2, b1],
  "placeholder-minus-0.5": [`51-["x",${ph("-0.5")}]`, b1],
  "placeholder-1e999": [`51-["x",${ph("1e999")}]`, b1],
  "placeholder-1e9": [`51-["x",${ph("1e9")}]`, b1],
  "placeholder-splice": [`51-["x",${ph('"splice"')}]`, b1],
  "placeholder-length": [`51-["x",${ph('"length"')}]`, b1],
  "placeholder-null": [`51-["x",${ph("null")}]`, b1],
  "placeholder-array": [`51-["x",${ph("[0]")}]`, b1],
  "placeholder-true": [`51-["x",${ph("true")}]`, b1],
  "placeholder-string-true": ['51-["x",{"_placeholder":"true","num":0}]', b1],
  "placeholder-false": ['51-["x",{"_placeholder":false,"num":9}]', b1],
  "placeholder-num-first": ['51-["x",{"num":0,"_placeholder":true}]', b1],
  "placeholder-whitespace": ['51-["x", { "_placeholder" : true , "num" : 0 } ]', b1],
  "placeholder-escaped-keys": ['51-["x",{"\\u005fplaceholder":true,"n\\u0075m":0}]', b1],
  "placeholder-escaped-keys-bad": ['51-["x",{"\\u005fplaceholder":true,"n\\u0075m":1}]', b1],
  "placeholder-repeated-num": ['51-["x",{"_placeholder":true,"num":9,"num":0}]', b1],
  "placeholder-repeated-num-bad": ['51-["x",{"_placeholder":true,"num":0,"num":9}]', b1],
  "placeholder-repeated-mark": ['51-["x",{"_placeholder":true,"num":9,"_placeholder":1}]', b1],
  "placeholder-inside-placeholder": [`51-["x",{"_placeholder":true,"num":0,"y":${ph(9)}}]`, b1],
  "placeholder-hidden-by-repeated-key": [`51-["x",{"a":${ph(9)},"a":1}]`, b1],
  "placeholder-nested": [`52-["x",{"a":[{"b":${ph(1)}}],"c":${ph(0)}}]`, b1, b2],
  "placeholder-nested-bad": [`51-["x",{"a":[[{"b":${ph(1)}}]]}]`, b1],
  "placeholder-under-proto": [`51-["x",{"__proto__":${ph(9)}}]`, b1],
  "placeholder-in-plain-event": [`2["x",${ph(9)}]`],
  "placeholder-in-connect": [`0${ph(9)}`],

  // Assembly.
  "binary-no-data": ["51-", b1],
  "binary-no-data-namespace-id": ["51-/a,7", b1],
  "binary-empty-ack": ["61-[]", b1],
  "binary-ack-not-array": ["61-{}", b1],
  "binary-event-empty": ["51-[]", b1],
  "binary-second-unexpected": [`51-["x",${ph(0)}]`, b1, b2],
  "binary-then-text": [`51-["x",${ph(0)}]`, b1, '2["y"]'],
  "binary-then-binary": [`51-["x",${ph(0)}]`, b1, `51-["y",${ph(0)}]`, b2],
  "binary-unused-all": ['52-["x"]', b1, b2],
  "binary-empty-attachment": [`51-["x",${ph(0)}]`, { hex: "" }],
  "binary-text-then-empty-text": [`51-["x",${ph(0)}]`, ""],
};

// tagged writes a value so that JSON can hold it.
function tagged(v) {
  if (Buffer.isBuffer(v)) return { $binary: v.toString("hex") };
  if (v === undefined) return { $undefined: true };
  if (typeof v === "number" && (!Number.isFinite(v) || Object.is(v, -0))) {
    return { $number: Object.is(v, -0) ? "-0" : String(v) };
  }
  if (Array.isArray(v)) return v.map(tagged);
  if (v !== null && typeof v === "object") {
    return Object.fromEntries(Object.keys(v).map((k) => [k, tagged(v[k])]));
  }
  return v;
}

function decode(name, messages) {
  const inputs = messages.map((m) => (typeof m === "string" ? { text: m } : { binary_hex: m.hex }));
  const c = { name, kind: "decode", inputs, packets: [] };
  const decoder = new Decoder();
  decoder.on("decoded", (p) => {
    const packet = { type: p.type, nsp: p.nsp };
    if (p.id !== undefined) packet.id = tagged(p.id);
    if (p.data !== undefined) packet.data = tagged(p.data);
    c.packets.push(packet);
  });
  try {
    for (const m of messages) decoder.add(typeof m === "string" ? m : Buffer.from(m.hex, "hex"));
  } catch (e) {
    c.error = e.message;
  }
  return c;
}

const numbers = [
  "0", "-0", "0.0", "-0.0e5", "7", "-7", "1.0", "1.50", "0.1", "-0.1", "100", "1e2", "1E+2", "1e-2", "123456789012345",
  "1234567890123456", "9007199254740991", "9007199254740993", "-9007199254740993", "12345678901234567890",
  "99999999999999999999", "999999999999999999999", "100000000000000000000", "1000000000000000000000", "1e20", "1e21",
  "-1e21", "1e22", "1.5e21", "1.25e100", "1e308", "1.7976931348623157e308", "1.7976931348623159e308", "-1e309", "1e999",
  "0.000001", "0.0000010", "0.0000001", "1e-6", "1e-7", "1.5e-7", "-1.5e-9", "1e-10", "1.234e-100", "5e-324", "2e-324",
  "1e-999", "0.30000000000000004", "0.1e1", "4.35", "123456.789e3", "1e00", "5e-7", "1e23", "1e15",
];

const strings = [
  "", "a", "<b>&'</b>", "\u2028\u2029", "é€😀日本", "\u007f\u0080\ufeff\ufffd", "/\\\"/", "\\u0041",
  ...Array.from({ length: 128 }, (_, i) => `<${String.fromCharCode(i)}>`),
];

const { version } = JSON.parse(readFileSync("node_modules/socket.io-parser/package.json"));
const out = {
  meta: {
    versions: { "socket.io-parser": version },
    captured: 'Decoder of socket.io-parser called directly; "error" if it threw. Written by capture.mjs.',
    node: process.version,
  },
  cases: [
    ...Object.entries(cases).map(([name, messages]) => decode(name, messages)),
    ...numbers.map((text) => ({ name: `number ${text}`, kind: "number", text, printed: String(JSON.parse(text)) })),
    ...strings.map((value) => ({ name: `string ${value}`, kind: "string", value, text: JSON.stringify(value) })),
  ],
};
const lines = out.cases.map((c) => "    " + JSON.stringify(c));
console.log(`{\n  "meta": ${JSON.stringify(out.meta)},\n  "cases": [\n${lines.join(",\n")}\n  ]\n}`);
