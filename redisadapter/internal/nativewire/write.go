package nativewire

import (
	"encoding/binary"
	"math/bits"
)

// numberLen is the length of a number.
func numberLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// textLen is the length of a text of n bytes with its own length before it.
func textLen(n int) int { return numberLen(uint64(n)) + n }

func appendNumber(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }

func appendText(dst []byte, s string) []byte {
	return append(appendNumber(dst, uint64(len(s))), s...)
}

func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

// appendHead begins a field of n bytes.
func appendHead(dst []byte, tag byte, n int) []byte {
	return appendNumber(append(dst, tag), uint64(n))
}

// The appenders of fields write nothing for a value that is zero.

func appendNumberField(dst []byte, tag byte, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return appendNumber(appendHead(dst, tag, numberLen(v)), v)
}

func appendTextField(dst []byte, tag byte, s string) []byte {
	if s == "" {
		return dst
	}
	return append(appendHead(dst, tag, len(s)), s...)
}

func appendBytesField(dst []byte, tag byte, b []byte) []byte {
	if len(b) == 0 {
		return dst
	}
	return append(appendHead(dst, tag, len(b)), b...)
}

func appendListField(dst []byte, tag byte, list []string) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = appendHead(dst, tag, listLen(list))
	for _, s := range list {
		dst = appendText(dst, s)
	}
	return dst
}

func listLen(list []string) (n int) {
	for _, s := range list {
		n += textLen(len(s))
	}
	return n
}

// fieldLen is the length of a field of n bytes, none if there is no value.
func fieldLen(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + textLen(n)
}
