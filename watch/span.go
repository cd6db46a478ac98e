// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// span is a range of keys from from up to, but without, to. An empty to is after all keys.
type span struct{ from, to string }

// spanOf returns the range of a watch.
func spanOf(r *pb.WatchCreateRequest) span {
	switch to := string(r.RangeEnd); to {
	case "":
		return span{string(r.Key), string(r.Key) + "\x00"}
	case "\x00":
		return span{string(r.Key), ""}
	default:
		return span{string(r.Key), to}
	}
}

// end returns the end of the range as requests have it.
func (s span) end() []byte {
	if s.to == "" {
		return []byte{0}
	}
	return []byte(s.to)
}

func (s span) empty() bool { return s.to != "" && s.from >= s.to }

func (s span) holds(key string) bool { return s.from <= key && (s.to == "" || key < s.to) }

func (s span) covers(other span) bool {
	return s.from <= other.from && (s.to == "" || other.to != "" && other.to <= s.to)
}

// around lists the ranges outside s, the nearest first. Keys often name the nodes of a tree. So a key that shares a longer prefix
// with s counts as nearer, and the user is more likely to have permission to read it.
func (s span) around() []span {
	var pieces []span
	known := s
	add := func(to span) {
		if known.to != "" {
			if after := (span{known.to, to.to}); !after.empty() {
				pieces = append(pieces, after)
			}
			known.to = to.to
		}
		if before := (span{to.from, known.from}); !before.empty() {
			pieces = append(pieces, before)
		}
		known.from = to.from
	}
	for i := len(s.from) - 2; i >= 0; i-- {
		if part := below(s.from[:i+1]); separates(s.from[i]) && part.covers(known) {
			add(part)
		}
	}
	add(span{"\x00", ""})
	return pieces
}

// separates reports whether a byte is likely to separate the parts of a name.
func separates(b byte) bool {
	return b < '0' || b > '9' && b < 'A' || b > 'Z' && b < 'a' || b > 'z' && b < 0x80
}

// below returns the range of all keys with a prefix.
func below(prefix string) span {
	to := ctx.PrefixEnd(prefix)
	if to == "\x00" {
		to = ""
	}
	return span{prefix, to}
}
