// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// RewoundError ends a watch because the store has another history than the one that was watched. The store was restored from
// an earlier copy, or wiped, or another cluster has its address now. Events that the watch has delivered may not exist in the
// new history. To go on, read the keys, and watch from the revision after that of the read.
//
// The histories are compared whenever the watch gets another stream. Behind a gRPC proxy, whose streams survive the store, they are
// also compared every 5 s. The comparison notices a store of another cluster, unless the server names none, as kine. It notices a
// store at an older revision than the connection has seen. A store that has passed that revision again looks like the same one,
// unless one of these differs:
//
//   - the newest event or listed pair that the connection has seen
//   - what a table or another recipe has listed in the range of the watch, compared with a new stream only
//   - the events in the range of the watch during the 1000 revisions before its position, with a new stream only. They prove nothing
//     on kine, or where a proxy's user may watch no key but one.
//
// What has been compacted cannot be compared, nor can a key that the user may not read. If nothing differs, the watch goes on, and
// misses what the new history has before its position.
type RewoundError struct {
	ClusterID uint64 // of the store as it is now; 0 where the server does not name it
	Revision  int64  // the newest revision of the store as it is now
}

// Error names the revision.
func (e *RewoundError) Error() string {
	return fmt.Sprintf("watch: the store has gone back to another history; it is at revision %d now", e.Revision)
}

// rewound is the error of the watches of an earlier history, after a header of the store as it is now.
func rewound(now *pb.ResponseHeader) *RewoundError {
	return &RewoundError{ClusterID: now.GetClusterId(), Revision: now.GetRevision()}
}
