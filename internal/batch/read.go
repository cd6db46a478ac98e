// SPDX-License-Identifier: Apache-2.0

package batch

import pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"

// Read is a read of one key at the newest revision. Most programs ask for nothing else, so there is no message of such a read until
// somebody needs one.
type Read struct {
	Key          string // also where there is a message that was made of the read
	Serializable bool
	Message      *pb.RangeRequest // nil: a key, and nothing else
}

// keyMax is the longest key that travels in company. Longer ones are rare, and a request has a limit of 1.5 MiB.
const keyMax = 4 << 10

// ReadOf returns the read of a request, and whether it is one that may travel in company.
func ReadOf(r *pb.RangeRequest) (read Read, fits bool) {
	return Read{Serializable: r.Serializable, Message: r}, len(r.Key) > 0 && len(r.Key) <= keyMax && len(r.RangeEnd) == 0 && r.Revision == 0 &&
		r.MinModRevision == 0 && r.MaxModRevision == 0 && r.MinCreateRevision == 0 && r.MaxCreateRevision == 0
}

// Fits reports whether a read that was made without a message may travel in company.
func (r Read) Fits() bool { return len(r.Key) <= keyMax }

// Request returns the message of the read.
func (r Read) Request() *pb.RangeRequest {
	if r.Message != nil {
		return r.Message
	}
	return &pb.RangeRequest{Key: []byte(r.Key), Serializable: r.Serializable}
}

// in reports whether the key is one of these.
func (r Read) in(keys map[string]struct{}) bool {
	if r.Message == nil {
		_, there := keys[r.Key]
		return there
	}
	_, there := keys[string(r.Message.Key)]
	return there
}

// key returns the key.
func (r Read) key() string {
	if r.Message == nil {
		return r.Key
	}
	return string(r.Message.Key)
}

// valueless reports whether the answer has no value.
func (r Read) valueless() bool {
	return r.Message != nil && (r.Message.KeysOnly || r.Message.CountOnly)
}
