package registry

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// shards is how many slots users are spread over. All nodes must agree on it for ever.
const shards = 16

// Names are escaped in keys so that no two share one, and none chooses a slot or means anything in a pattern
// (requirement R73).

const hexDigits = "0123456789ABCDEF"

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_./@", c) >= 0
}

// escape writes every byte of a name that is not plain as %XX.
func escape(name string) string {
	special := 0
	for i := range len(name) {
		if !plain(name[i]) {
			special++
		}
	}
	if special == 0 {
		return name
	}
	b := make([]byte, 0, len(name)+2*special)
	for i := range len(name) {
		if c := name[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

// unescape is false for what escape does not write.
func unescape(text string) (string, bool) {
	if strings.IndexByte(text, '%') < 0 {
		return text, escape(text) == text
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' {
			if i+2 >= len(text) {
				return "", false
			}
			n, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			c, i = byte(n), i+2
		}
		b = append(b, c)
	}
	name := string(b)
	return name, escape(name) == text
}

// who names a user of a namespace, as "NS:USER".
type who string

func whoOf(namespace, user string) who { return who(escape(namespace) + ":" + escape(user)) }

// names returns the namespace and the user; ok is false for what whoOf does not make.
func (w who) names() (namespace, user string, ok bool) {
	first, second, found := strings.Cut(string(w), ":")
	if !found {
		return "", "", false
	}
	namespace, ok = unescape(first)
	if !ok {
		return "", "", false
	}
	user, ok = unescape(second)
	return namespace, user, ok
}

// shard returns the number of the user's shard.
func (w who) shard() int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(w))
	sum := h.Sum32()
	return int((sum ^ sum>>16) % shards)
}

// keys makes the names of keys.
type keys struct{ prefix string }

func (k keys) nodes() string { return k.prefix + ":{n}:nodes" }
func (k keys) meta() string  { return k.prefix + ":{n}:meta" }
func (k keys) dead() string  { return k.prefix + ":{n}:dead" }
func (k keys) plan() string  { return k.prefix + ":{n}:plan" }

func (k keys) in(shard int, rest string) string {
	return k.prefix + ":{s" + strconv.FormatInt(int64(shard), 16) + "}:" + rest
}

func (k keys) user(w who) string { return k.in(w.shard(), "user:"+string(w)) }
func (k keys) seen(w who) string { return k.in(w.shard(), "seen:"+string(w)) }

func (k keys) online(shard int, namespace string) string {
	return k.in(shard, "online:"+escape(namespace))
}
func (k keys) index(shard int, lease string) string { return k.in(shard, "index:"+lease) }
func (k keys) leases(shard int) string              { return k.in(shard, "leases") }
func (k keys) grace(shard int) string               { return k.in(shard, "grace") }
func (k keys) log(shard int) string                 { return k.in(shard, "log") }
func (k keys) birth(shard int) string               { return k.in(shard, "birth") }
func (k keys) gone(shard int) string                { return k.in(shard, "gone") }

// ofUser returns the keys that all scripts for one user have.
func (k keys) ofUser(w who, namespace, lease string) []string {
	shard := w.shard()
	return []string{
		k.user(w), k.online(shard, namespace), k.grace(shard), k.log(shard),
		k.seen(w), k.index(shard, lease), k.leases(shard), k.birth(shard), k.gone(shard),
	}
}
