package siowire_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	. "github.com/realtime-go/realtime/internal/siowire"
)

// chat is a message of the size that the performance targets use.
const chat = `{"room":"lobby","from":"u-1234567","text":"` + "Shall we meet at the usual place at eight? I bring the cards." + `","ts":1795380910387}`

func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"small", `2["move",{"x":1,"y":2}]`},
		{"chat", `2/game,17["message",` + chat + `]`},
		{"text-10k", `2["message","` + strings.Repeat("lorem ipsum ", 850) + `"]`},
		{"rows-10k", `2["rows",[` + strings.Repeat(chat+",", 75) + `0]]`},
	} {
		b.Run(c.name, func(b *testing.B) {
			var d Decoder
			text := []byte(c.text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				p, _, err := d.Text(text)
				if err != nil {
					b.Fatal(err)
				}
				if name, _ := p.EventName(); len(name) == 0 {
					b.Fatal("no name")
				}
			}
		})
	}
}

func BenchmarkDecodeBinary(b *testing.B) {
	var d Decoder
	text, attachment := []byte(`52-["file",{"_placeholder":true,"num":0},{"thumb":{"_placeholder":true,"num":1}}]`), make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		must(b, &d, string(text))
		for range 2 {
			if _, _, err := d.Binary(attachment); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkValid stands beside encoding/json's check of the same bytes.
func BenchmarkValid(b *testing.B) {
	data := []byte(`[` + strings.Repeat(chat+",", 75) + `0]`)
	b.Run("siowire", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := Valid(data, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if !json.Valid(data) {
				b.Fatal("invalid")
			}
		}
	})
}

func BenchmarkAppendHeader(b *testing.B) {
	buf := make([]byte, 0, 64)
	for b.Loop() {
		_ = AppendHeader(buf, Event, 0, "/game", 17, true)
	}
}

func BenchmarkAppendString(b *testing.B) {
	for _, s := range []string{"message", strings.Repeat("lorem ipsum ", 100), strings.Repeat("会议 \"八点\"\n", 50)} {
		b.Run(fmt.Sprint(len(s)), func(b *testing.B) {
			buf := make([]byte, 0, 4096)
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				_ = AppendString(buf, s)
			}
		})
	}
}

// BenchmarkHostile: bytes per second must not fall as the size grows.
func BenchmarkHostile(b *testing.B) {
	for _, size := range []int{1 << 14, 1 << 17, 1 << 20} {
		for _, c := range []struct{ name, head, unit, tail string }{
			{"objects", `2["x"`, `,{"a":0}`, `]`},
			{"zeros", `2["x"`, `,0`, `]`},
			{"placeholders", `51-["x"`, `,{"_placeholder":true,"num":0}`, `]`},
			{"nested", `51-["x"`, `,` + strings.Repeat(`{"a":`, 60) + `0` + strings.Repeat(`}`, 60), `]`},
			{"backslashes", `2["x","`, `\\`, `"]`},
		} {
			b.Run(fmt.Sprintf("%s-%d", c.name, size), func(b *testing.B) {
				text := []byte(c.head + strings.Repeat(c.unit, size/len(c.unit)) + c.tail)
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					var d Decoder
					if _, _, err := d.Text(text); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
