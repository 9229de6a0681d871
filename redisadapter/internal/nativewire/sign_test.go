package nativewire

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

// TestSignature: with keys nothing is taken that was not made with one of them, for this
// scope, channel and kind, to the last bit (requirement R76).
func TestSignature(t *testing.T) {
	h := Header{Origin: origin, Channel: lobby, Stream: 1, Seq: 1}
	keys := testKeys(t, "k")
	signed, unsigned := frameOf(t, h, keys, broadcast), frameOf(t, h, nil, broadcast)
	if _, messages, err := read(signed, lobby, keys); err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	if _, messages, err := read(signed, lobby, nil); err != nil || len(messages) != 1 {
		t.Errorf("without keys: %d messages, %v", len(messages), err)
	}
	if _, _, err := read(unsigned, lobby, keys); !errors.Is(err, ErrUnsigned) {
		t.Errorf("unsigned: %v", err)
	}
	for i := range len(signed) * 8 {
		forged := []byte(signed)
		forged[i/8] ^= 1 << (i % 8)
		if _, _, err := read(string(forged), lobby, keys); err == nil {
			t.Fatalf("bit %d does not matter", i)
		}
	}
	for n := range len(signed) {
		if _, _, err := read(signed[:n], lobby, keys); err == nil {
			t.Fatalf("the first %d bytes are taken", n)
		}
	}
	other, err := NewKeys("other", false, []byte(strings.Repeat("k", LeastKey)))
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*Keys{"another key": testKeys(t, "x"), "another scope": other} {
		if _, _, err := read(signed, lobby, k); !errors.Is(err, ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := read(signed, Broadcast("/chat"), keys); !errors.Is(err, ErrChannel) {
		t.Errorf("on another channel: %v", err)
	}
	beat := samples(t)[5].wire(t)
	var b Heartbeat
	if err := b.Decode(beat, keys); err != nil {
		t.Error(err)
	}
	if err := b.Decode(beat, testKeys(t, "x")); !errors.Is(err, ErrForged) {
		t.Errorf("heartbeat: %v", err)
	}
	if err := b.Decode(samples(t)[4].wire(t), keys); !errors.Is(err, ErrUnsigned) {
		t.Errorf("heartbeat: %v", err)
	}
}

// TestKeyRotation: from a to b without a moment in which two nodes do not understand each
// other, and from no keys to keys.
func TestKeyRotation(t *testing.T) {
	introduced, err := NewKeys("realtime", true, []byte(strings.Repeat("a", LeastKey)))
	if err != nil {
		t.Fatal(err)
	}
	steps := []*Keys{nil, introduced, testKeys(t, "a"), testKeys(t, "a", "b"), testKeys(t, "b", "a"), testKeys(t, "b")}
	h := Header{Origin: origin, Channel: lobby, Stream: 1, Seq: 1}
	for i, a := range steps {
		for j, b := range steps {
			_, _, err := read(frameOf(t, h, a, broadcast), lobby, b)
			if near := i-j <= 1 && j-i <= 1; near && err != nil {
				t.Errorf("from step %d to step %d: %v", i, j, err)
			}
		}
	}
	if _, _, err := read(frameOf(t, h, steps[5], broadcast), lobby, steps[2]); !errors.Is(err, ErrForged) {
		t.Errorf("the new key for those who have only the old one: %v", err)
	}
	if _, _, err := read(frameOf(t, h, testKeys(t, "x"), broadcast), lobby, introduced); !errors.Is(err, ErrForged) {
		t.Errorf("a wrong signature where none would do: %v", err)
	}
}

func TestNewKeys(t *testing.T) {
	for _, keys := range [][][]byte{nil, {[]byte("short")}, {make([]byte, LeastKey), make([]byte, LeastKey-1)}} {
		if k, err := NewKeys("s", false, keys...); k != nil || err == nil {
			t.Errorf("%d keys: %v, %v", len(keys), k, err)
		}
	}
	key := []byte(strings.Repeat("k", LeastKey))
	k, err := NewKeys("realtime", false, key)
	if err != nil {
		t.Fatal(err)
	}
	clear(key) // the caller may
	if _, _, err := read(frameOf(t, Header{Origin: origin, Channel: lobby, Stream: 1, Seq: 1}, k, broadcast), lobby, testKeys(t, "k")); err != nil {
		t.Error(err)
	}
}

func TestKeysConcurrently(t *testing.T) {
	keys := testKeys(t, "k", "l")
	h := Header{Origin: origin, Channel: lobby, Stream: 1, Seq: 1}
	want := frameOf(t, h, keys, broadcast)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got := frameOf(t, h, keys, broadcast); got != want {
					t.Error("another signature")
				}
				if _, _, err := read(want, lobby, keys); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
