// SPDX-License-Identifier: Apache-2.0

package report

// Range says which keys something is about.
type Range struct {
	Kind RangeKind
	Name string // the key of One, or the prefix of Prefix; otherwise ""
}

// RangeKind is the kind of a range.
type RangeKind string

// The kinds of ranges.
const (
	One    RangeKind = "key"
	Prefix RangeKind = "prefix"
	All    RangeKind = "all"   // every key
	From   RangeKind = "from"  // every key from one on
	Other  RangeKind = "range" // the keys between two keys
)

// RangeOf returns what the key and the range end of a request say.
func RangeOf(key, end []byte) Range {
	switch {
	case len(end) == 0:
		return Range{One, string(key)}
	case endsPrefix(key, end):
		return Range{Prefix, string(key)}
	case string(end) != "\x00":
		return Range{Kind: Other}
	case len(key) == 0 || string(key) == "\x00":
		return Range{Kind: All}
	default:
		return Range{Kind: From}
	}
}

// endsPrefix reports whether end is the first key after all that begin with prefix.
func endsPrefix(prefix, end []byte) bool {
	last := len(end) - 1
	if len(prefix) <= last || string(prefix[:last]) != string(end[:last]) || prefix[last]+1 != end[last] || end[last] == 0 {
		return false
	}
	for _, b := range prefix[last+1:] {
		if b != 0xff {
			return false
		}
	}
	return true
}
