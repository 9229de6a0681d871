package siowire

// SpanTable is the number of bytes that the positions of the elements occupy
// beyond the packet itself.
func (a *Args) SpanTable() int { return cap(a.more) * 8 }
