// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"google.golang.org/grpc/mem"

	"github.com/eetcd-go/eetcd/internal/fields"
)

// chunks is a message in the buffers in which it came, read from front to back. A large response comes in a hundred buffers, and to put it
// together first would be one more copy of it, in memory that no pool keeps.
type chunks struct {
	now    []byte          // the present buffer
	at     int             // where in it
	later  mem.BufferSlice // the buffers after it
	left   int             // how many bytes are to come
	joined *[]byte         // what view has borrowed
}

func newChunks(data mem.BufferSlice) chunks { return chunks{later: data, left: data.Len()} }

// field reads the tag of the next field, and its number, as fields.Next. Bytes come next, and all of them are there.
func (c *chunks) field() (tag byte, n uint64) {
	if len(c.now)-c.at < min(fields.Longest, c.left) {
		return c.fieldInParts()
	}
	tag, n, next := fields.Next(c.now, c.at, c.at+c.left)
	c.left -= next - c.at
	c.at = next
	return tag, n
}

// fieldInParts is field where the next buffer may have a part of what is to be read.
func (c *chunks) fieldInParts() (tag byte, n uint64) {
	var head [fields.Longest]byte
	ahead, has := *c, min(len(head), c.left)
	ahead.copy(head[:has])
	tag, n, next := fields.Next(head[:has], 0, c.left)
	c.skip(next)
	return tag, n
}

// copy fills into with the next bytes. There must be as many.
func (c *chunks) copy(into []byte) {
	for {
		n := copy(into, c.now[c.at:])
		c.at += n
		c.left -= n
		if n == len(into) {
			return
		}
		into = into[n:]
		c.following()
	}
}

// skip passes over the next n bytes. There must be as many.
func (c *chunks) skip(n int) {
	c.left -= n
	for n > len(c.now)-c.at {
		n -= len(c.now) - c.at
		c.following()
	}
	c.at += n
}

// following goes on to the next buffer. There must be one.
func (c *chunks) following() { c.now, c.at, c.later = c.later[0].ReadOnlyData(), 0, c.later[1:] }

// view returns the next n bytes, which are valid until the next view or free. There must be as many.
func (c *chunks) view(n int) []byte {
	if n <= len(c.now)-c.at {
		c.skip(n)
		return c.now[c.at-n : c.at]
	}
	c.free()
	c.joined = mem.DefaultBufferPool().Get(n)
	c.copy(*c.joined)
	return *c.joined
}

// free ends the use of what view has returned.
func (c *chunks) free() {
	if c.joined != nil {
		mem.DefaultBufferPool().Put(c.joined)
		c.joined = nil
	}
}
