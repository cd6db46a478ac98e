// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Entry is a value with its key, revisions, version and lease.
type Entry[V any] struct {
	Key   string // without the key of the store: what Get, Put and the others take
	Value V

	CreateRev int64 // the revision at which the key was created
	ModRev    int64 // the revision of its last put
	Version   int64 // the number of puts since it was created, which is the first one
	Lease     int64 // the lease that the key is attached to; 0: none
}

// entryOf decodes a pair. If that fails, the entry is complete but for its value.
func entryOf[V any](at place, codec Codec[V], pair *mvccpb.KeyValue) (Entry[V], error) {
	e := Entry[V]{
		Key:       string(pair.GetKey()[len(sealed.Ctx(at.c).Key()):]),
		CreateRev: pair.GetCreateRevision(), ModRev: pair.GetModRevision(), Version: pair.GetVersion(), Lease: pair.GetLease(),
	}
	var err error
	e.Value, err = decode(codec, string(pair.GetKey()), pair.GetValue())
	return e, err
}
