package nativewire

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"hash"
	"strconv"
	"sync"
)

// LeastKey is the least length of a key, in bytes: that of the hash.
const LeastKey = sha256.Size

// Keys sign what goes out and check what comes in (requirement R76). All methods may be
// called concurrently. Nil keys sign nothing and take what is signed unchecked, so that
// keys can be given to one node of a cluster after the other.
//
// A signature says that the publish was made by somebody who has a key of this scope, for
// this channel. It does not say when: who can write to Redis can repeat what he has seen
// there. While the node that sent it is known, the numbers show it for a repetition.
type Keys struct {
	scope    []byte
	unsigned bool
	macs     []*sync.Pool // of *mac, one for each key
}

// mac is an HMAC under way and room for its result.
type mac struct {
	hash.Hash
	sum [sha256.Size]byte
}

// NewKeys makes keys of which the first signs and all are accepted: to replace a key, add
// the new one behind it on all nodes, then put it first, then take the old one away. The
// scope, as a rule the prefix of the channels, keeps clusters apart that share a key. With
// alsoUnsigned what is not signed is accepted too, which is meant for the time in which the
// nodes get their keys, since it makes signing pointless. A key shorter than LeastKey is an
// error, and so is none.
func NewKeys(scope string, alsoUnsigned bool, keys ...[]byte) (*Keys, error) {
	if len(keys) == 0 {
		return nil, errors.New("nativewire: no key")
	}
	k := &Keys{scope: appendText(nil, scope), unsigned: alsoUnsigned}
	for _, key := range keys {
		if len(key) < LeastKey {
			return nil, errors.New("nativewire: a key must have at least " + strconv.Itoa(LeastKey) + " bytes")
		}
		key = append([]byte(nil), key...)
		k.macs = append(k.macs, &sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, key)} }})
	}
	return k, nil
}

// mark is what the kind of a publish bears for it to be signed.
func (k *Keys) mark() byte {
	if k == nil {
		return 0
	}
	return signedMark
}

// appendSignature signs what dst holds from start on.
func (k *Keys) appendSignature(dst []byte, start int) []byte {
	if k == nil {
		return dst
	}
	m := k.macs[0].Get().(*mac)
	defer k.macs[0].Put(m)
	return append(dst, k.compute(m, dst[start:])...)
}

func (k *Keys) compute(m *mac, data []byte) []byte {
	m.Reset()
	m.Write(k.scope) // a hash never fails
	m.Write(data)
	return m.Sum(m.sum[:0])
}

// check checks the signature of data. How long that takes depends on the lengths and on
// the number of keys, and tells nothing of the signature.
func (k *Keys) check(data, signature []byte) bool {
	good := false
	for _, pool := range k.macs {
		m := pool.Get().(*mac)
		if hmac.Equal(k.compute(m, data), signature) {
			good = true
		}
		pool.Put(m)
	}
	return good
}
