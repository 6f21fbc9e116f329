package primary

// edge knows where in a buffer the first packet begins, to find all the others by their lengths.
type edge struct {
	first  int  // -1: none begins in the buffer
	starts bool // it starts a payload, and does not continue one
}

func (e *edge) note(at int, starts bool) {
	if e.first < 0 {
		e.first, e.starts = at, starts
	}
}

// after returns the first place at or after n where a payload ends, and the number of the packet that would come there; ok is false
// if there is none.
func (e *edge) after(buf []byte, n int, next byte) (at int, number byte, ok bool) {
	if e.first < 0 {
		return 0, 0, false
	}
	at = e.first
	ends := e.starts // a payload ends at at
	for at < n || !ends {
		if at+packetHead > len(buf) {
			return 0, 0, false
		}
		length := int(buf[at]) | int(buf[at+1])<<8 | int(buf[at+2])<<16
		at += packetHead + length
		ends = length < maxPayload
	}
	switch {
	case at > len(buf):
		return 0, 0, false
	case at == len(buf):
		return at, next, true
	}
	return at, buf[at+3], true
}

// salvage keeps, after a write that took n bytes and no more, what the client must still get to hear a last packet: the rest of
// the payload that was cut.
func (w *packetWriter) salvage(n int, again bool) {
	w.number()
	all := w.pending.flat()
	end, number, ok := w.edge.after(all, n, w.seq)
	if !again || !ok {
		w.broken = true
		return
	}
	w.pending.clear()
	w.pending.copy(all[n:end]...)
	w.left, w.chunk, w.full, w.restart, w.seq = 0, 0, false, false, number
	w.edge = edge{first: -1}
}
