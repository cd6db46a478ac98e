// SPDX-License-Identifier: Apache-2.0

// Package fields reads etcd's messages field by field, where proto.Unmarshal is most of what a client spends on them.
//
//	for at := 0; at < len(data); {
//		tag, n, next := fields.Next(data, at, len(data))
//		switch tag {
//		case 2<<3 | fields.Bytes:
//			next += int(n)
//			key = data[next-int(n) : next]
//		case 4<<3 | fields.Varint:
//			count = int64(n)
//		default:
//			return false // proto.Unmarshal knows the rest
//		}
//		at = next
//	}
//
// A reader knows the usual form of a message. It leaves every other form to proto.Unmarshal, which is the one that judges whether a
// message is malformed.
package fields

// The wire types that a field may have here. A tag is the number of its field, shifted by 3, and one of them.
const (
	Varint = 0
	Bytes  = 2
)

// Longest is how many bytes Next reads at most.
const Longest = 1 + 10

// Next reads the tag and the number of the field at data[at:], and returns the position after them. For a field with bytes the number is
// their length, and they come there. end is where the message ends: it may be after the end of data, where more of the bytes is elsewhere.
//
// Tag 0, which no field has, stands for a malformed field, one of another type, and one whose tag needs more than a byte, as that of no
// field that etcd has here.
//
// Next calls nothing and returns no slice, because it runs nine times for each event of a watch.
func Next(data []byte, at, end int) (tag byte, n uint64, next int) {
	if len(data)-at < 2 {
		return 0, 0, at
	}
	tag, n, next = data[at], uint64(data[at+1]), at+2
	if n >= 0x80 {
		n &= 0x7f
		for shift := 7; ; shift += 7 {
			if next >= len(data) || shift > lastShift {
				return 0, 0, at
			}
			b := data[next]
			next++
			if n |= uint64(b&0x7f) << shift; b < 0x80 {
				if shift == lastShift && b > 1 {
					return 0, 0, at
				}
				break
			}
		}
	}
	if tag < 0x80 && (tag&7 == Varint || tag&7 == Bytes && n <= uint64(end-next)) {
		return tag, n, next
	}
	return 0, 0, at
}

// lastShift is the shift of the tenth byte of a number, which is its last and has one bit.
const lastShift = 63
