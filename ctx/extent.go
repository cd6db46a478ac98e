// SPDX-License-Identifier: Apache-2.0

package ctx

// The three ways to turn a key into a range. At most one of them is given at a time.
const extents = optPrefix | optFromKey | optRangeEnd

// allKeys stands for both ends of the key space. As a key it is the smallest one, and as a range end etcd reads it as
// "no end".
const allKeys = "\x00"

// WithKey sets the key, or the start of a range of keys. The server judges an empty key, unless [Ctx.WithPrefix] or
// [Ctx.WithFromKey] gives it a meaning.
func (c Ctx) WithKey(key string) Ctx {
	c.given |= optKey
	c.key = key
	return c
}

// WithKeyBytes is [Ctx.WithKey] for a key in a byte slice, which is copied.
func (c Ctx) WithKeyBytes(key []byte) Ctx {
	return c.WithKey(string(key))
}

// WithSubKey appends suffix to the present key. So one base holds the common part of many keys:
//
//	jobs := kv.New("registry").WithKey("jobs/")
//	one, all := jobs.WithSubKey("a"), jobs.WithPrefix() // "jobs/a", and all that begin with "jobs/"
//
// An empty suffix changes nothing. The join allocates the new key.
func (c Ctx) WithSubKey(suffix string) Ctx {
	if suffix == "" {
		return c
	}
	return c.WithKey(c.key + suffix)
}

// Key returns the key so far, "" if none was given. For a range it is where the range starts.
func (c Ctx) Key() string {
	return c.key
}

// WithPrefix extends the request to every key that starts with its key. It may come before or after WithKey. With an
// empty key, or none, a get or a watch covers all keys. A delete without a key is refused with [ErrInvalid]: to delete
// all keys, say WithKey("").
//
// WithPrefix, [Ctx.WithFromKey], [Ctx.WithRangeEnd] and [Ctx.WithTop] all set the extent of the range, and the last one
// wins.
func (c Ctx) WithPrefix() Ctx {
	return c.withExtent(optPrefix, "")
}

// WithFromKey extends the request to its key and every key after it in byte order. A missing or empty key has the same
// meaning as in [Ctx.WithPrefix]. The last extent given wins.
func (c Ctx) WithFromKey() Ctx {
	return c.withExtent(optFromKey, "")
}

// WithRangeEnd extends the request to the keys from its key up to, but not including, end in byte order. "\x00" stands
// for no end, and "" for a request of one key. If end is not above the key, the range has no keys: a get or a delete
// finds nothing, and a watch is refused with [ErrInvalid]. The last extent given wins; see [Ctx.WithPrefix].
func (c Ctx) WithRangeEnd(end string) Ctx {
	return c.withExtent(optRangeEnd, end)
}

// withExtent removes the earlier extent completely, so that == sees no trace of it. An extent of 0 makes room for the
// prefix of WithTop.
func (c Ctx) withExtent(extent Options, end string) Ctx {
	c.given = c.given&^extents | extent
	c.end = end
	return c
}

// PrefixEnd returns the end of the range of keys that start with prefix: "b" for "a" and for "a\xff". For "" and for
// prefixes of only 0xff bytes it returns "\x00", which etcd reads as no end. A range from the empty prefix also needs
// the key "\x00". WithPrefix takes care of that.
func PrefixEnd(prefix string) string {
	n := prefixEndLen(prefix)
	if n == 0 {
		return allKeys
	}
	end := []byte(prefix[:n])
	end[n-1]++
	return string(end)
}

// prefixEndLen returns the length of prefix without the 0xff bytes at its end, which cannot be incremented.
func prefixEndLen(prefix string) int {
	n := len(prefix)
	for n > 0 && prefix[n-1] == 0xff {
		n--
	}
	return n
}

// interval returns the key and the range end for the wire. end is nil for a single key.
func (c *Ctx) interval() (key, end []byte) {
	switch {
	case c.has(optRangeEnd):
		return bytePair(c.key, c.end)
	case c.has(optFromKey):
		return bytePair(orAllKeys(c.key), allKeys)
	case c.has(optPrefix | tops):
		n := prefixEndLen(c.key)
		if n == 0 {
			return bytePair(orAllKeys(c.key), allKeys)
		}
		key, end = bytePair(c.key, c.key[:n])
		end[n-1]++
		return key, end
	default:
		return bytePair(c.key, "")
	}
}

func orAllKeys(key string) string {
	if key == "" {
		return allKeys
	}
	return key
}

// bytePair copies both strings into one allocation. The capacity of the first slice ends there, so an append to it does
// not reach into the second. Empty strings become nil.
func bytePair(a, b string) (x, y []byte) {
	if len(a)+len(b) == 0 {
		return nil, nil
	}
	buf := make([]byte, len(a)+len(b))
	copy(buf, a)
	copy(buf[len(a):], b)
	if a != "" {
		x = buf[:len(a):len(a)]
	}
	if b != "" {
		y = buf[len(a):]
	}
	return x, y
}
