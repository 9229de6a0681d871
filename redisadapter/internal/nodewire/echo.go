package nodewire

// Echo knows what a node has sent itself by how it begins. Everything that a node
// publishes comes back to it, so that must cost next to nothing.
type Echo struct {
	broadcast string // behind the head of the array
	json      string
	acks      string // behind the head of the map
}

// EchoOf returns what tells the messages of a uid.
func EchoOf(uid string) Echo {
	return Echo{
		broadcast: string(appendString(nil, uid)),
		json:      string(appendQuoted([]byte(`{"uid":`), uid)),
		acks:      string(appendString(appendString(nil, "uid"), uid)),
	}
}

// Is reports whether a message of a broadcast or request channel is one that this package
// has written for the uid. Of others it may also be false.
func (e Echo) Is(s string) bool {
	if len(s) == 0 {
		return false
	}
	switch head := s[0]; {
	case head == '{':
		return hasPrefix(s, e.json)
	case head&0xf0 == 0x90:
		return hasPrefix(s[1:], e.broadcast)
	case head&0xf0 == 0x80:
		return hasPrefix(s[1:], e.acks)
	}
	return false
}

func hasPrefix(s, prefix string) bool { return len(s) >= len(prefix) && s[:len(prefix)] == prefix }
