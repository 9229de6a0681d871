package engine

import (
	"crypto/rand"
	"encoding/base64"
)

// sidBytes is the random part of a session id: 144 bits, 24 characters. R4 asks
// for 120.
const sidBytes = 18

// maxSID is the longest session id that is looked up (R2).
const maxSID = 64

const maxTag = 16

// newSID returns a session id: random characters, then the node's tag (decision
// D17). crypto/rand.Read never fails.
func newSID(tag string) string {
	var raw [sidBytes]byte
	_, _ = rand.Read(raw[:])
	buf := make([]byte, 0, 4*sidBytes/3+maxTag)
	buf = base64.RawURLEncoding.AppendEncode(buf, raw[:])
	return string(append(buf, tag...))
}

// foreignTag returns the tag of a session id that another node has made, as far as
// its form can tell. A tag is no secret; the rest of the id is.
func foreignTag(sid, own string) (tag string, ok bool) {
	const random = 4 * sidBytes / 3
	if len(sid) != random+len(own) || len(own) == 0 || !validTag(sid[:maxTag]) || !validTag(sid[maxTag:random]) {
		return "", false
	}
	tag = sid[random:]
	return tag, tag != own && validTag(tag)
}

// randomTag returns a tag for a node that has no name.
func randomTag() string {
	var raw [6]byte
	_, _ = rand.Read(raw[:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// validTag tells whether tag may stand in a session id, hence in a URL, a JSON
// string and a cookie without escape.
func validTag(tag string) bool {
	if len(tag) > maxTag {
		return false
	}
	for i := range len(tag) {
		switch c := tag[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
