// SPDX-License-Identifier: Apache-2.0

package member

// frames follows what a client writes to an HTTP/2 connection, and knows where its frames end.
type frames struct {
	begun bool // the client's preface has begun
	head  [frameHeader]byte
	have  int // bytes of head
	left  int // bytes until the end of the frame, or of the preface
}

const (
	prefaceLength = 24
	frameHeader   = 9
)

// between reports whether the next byte begins a frame.
func (f *frames) between() bool { return f.begun && f.left == 0 && f.have == 0 }

// follow takes the next bytes.
func (f *frames) follow(p []byte) {
	if !f.begun && len(p) > 0 {
		f.begun, f.left = true, prefaceLength
	}
	for len(p) > 0 {
		if f.left > 0 {
			n := min(f.left, len(p))
			f.left -= n
			p = p[n:]
			continue
		}
		n := copy(f.head[f.have:], p)
		f.have += n
		p = p[n:]
		if f.have == frameHeader {
			f.have, f.left = 0, int(f.head[0])<<16|int(f.head[1])<<8|int(f.head[2])
		}
	}
}
