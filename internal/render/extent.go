// SPDX-License-Identifier: Apache-2.0

package render

import (
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// interval returns the key and the range end for the wire. end is nil for a single key.
func interval(r *sealed.Request) (key, end []byte) {
	switch {
	case r.Has(sealed.OptRangeEnd):
		return bytePair(r.Key, r.End)
	case r.Has(sealed.OptFromKey):
		return bytePair(orAllKeys(r.Key), sealed.AllKeys)
	case r.Has(sealed.OptPrefix | sealed.Tops):
		n := sealed.PrefixEndLen(r.Key)
		if n == 0 {
			return bytePair(orAllKeys(r.Key), sealed.AllKeys)
		}
		key, end = bytePair(r.Key, r.Key[:n])
		end[n-1]++
		return key, end
	default:
		return bytePair(r.Key, "")
	}
}

func orAllKeys(key string) string {
	if key == "" {
		return sealed.AllKeys
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
