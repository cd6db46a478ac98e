// SPDX-License-Identifier: Apache-2.0

package ctx

import "github.com/eetcd-go/eetcd/internal/sealed"

// WithKey sets the key, or the start of a range of keys. The server judges an empty key, unless [Ctx.WithPrefix] or
// [Ctx.WithFromKey] gives it a meaning.
func (c Ctx) WithKey(key string) Ctx {
	r := c.open()
	r.Given |= sealed.OptKey
	r.Key = key
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
	return c.WithKey(c.open().Key + suffix)
}

// WithPrefix extends the request to every key that starts with its key. It may come before or after WithKey. With an
// empty key, or none, a get or a watch covers all keys. A delete without a key is refused with [ErrInvalid]: to delete
// all keys, say WithKey("").
//
// WithPrefix, [Ctx.WithFromKey], [Ctx.WithRangeEnd] and [Ctx.WithTop] all set the extent of the range, and the last one
// wins.
func (c Ctx) WithPrefix() Ctx {
	return c.withExtent(sealed.OptPrefix, "")
}

// WithFromKey extends the request to its key and every key after it in byte order. A missing or empty key has the same
// meaning as in [Ctx.WithPrefix]. The last extent given wins.
func (c Ctx) WithFromKey() Ctx {
	return c.withExtent(sealed.OptFromKey, "")
}

// WithRangeEnd extends the request to the keys from its key up to, but not including, end in byte order. "\x00" stands
// for no end, and "" for a request of one key. If end is not above the key, the range has no keys: a get or a delete
// finds nothing, and a watch is refused with [ErrInvalid]. The last extent given wins; see [Ctx.WithPrefix].
func (c Ctx) WithRangeEnd(end string) Ctx {
	return c.withExtent(sealed.OptRangeEnd, end)
}

// withExtent removes the earlier extent completely, so that == sees no trace of it. An extent of 0 makes room for the
// prefix of WithTop.
func (c Ctx) withExtent(extent sealed.Options, end string) Ctx {
	r := c.open()
	r.Given = r.Given&^sealed.Extents | extent
	r.End = end
	return c
}

// PrefixEnd returns the end of the range of keys that start with prefix: "b" for "a" and for "a\xff". For "" and for
// prefixes of only 0xff bytes it returns "\x00", which etcd reads as no end. A range from the empty prefix also needs
// the key "\x00". WithPrefix takes care of that.
func PrefixEnd(prefix string) string {
	n := sealed.PrefixEndLen(prefix)
	if n == 0 {
		return sealed.AllKeys
	}
	end := []byte(prefix[:n])
	end[n-1]++
	return string(end)
}
