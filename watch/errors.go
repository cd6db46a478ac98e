// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// CompactedError ends a watch that needs history which has been compacted away: its start revision is too old, or it
// was away, or its reader was too slow, for longer than the history is kept. To go on, read the keys, and watch from the
// revision after that of the read, or from CompactRevision at the earliest. errors.Is finds [etcderr.ErrCompacted] in it.
type CompactedError struct {
	CompactRevision int64 // the earliest revision that can still be watched from
}

// Error tells the revision.
func (e *CompactedError) Error() string {
	return fmt.Sprintf("watch: the history before revision %d has been compacted", e.CompactRevision)
}

// Unwrap returns [etcderr.ErrCompacted].
func (e *CompactedError) Unwrap() error { return etcderr.ErrCompacted }

// ErrNoProgress is what Progress returns where the server answers no progress request, as etcd's gRPC proxy does not.
var ErrNoProgress = errors.New("watch: the server tells no progress on request")

// errProtocol breaks a stream on which a server answers what was not asked.
var errProtocol = errors.New("watch: the server confirmed a watch that was not asked for")

// errOtherCluster breaks a stream on which another cluster answers than before.
var errOtherCluster = errors.New("watch: another cluster answers")

// errUncreated is what a caller waited for on a stream that is open.
var errUncreated = errors.New("watch: the server has not created it yet")

// bare is a reason that may be the text of a gRPC error, without gRPC's words.
func bare(reason string) string {
	if _, text, ok := strings.Cut(reason, " desc = "); ok && strings.HasPrefix(reason, "rpc error: code = ") {
		return text
	}
	return reason
}

// foreign reports whether a refusal is for a reason that is not one of etcd's.
func foreign(r *pb.WatchResponse) bool {
	_, known := etcderr.FromMessage(bare(r.CancelReason))
	return !known && r.CancelReason != "" && r.CompactRevision == 0
}

// refusal is the error of a watch that the server refused or ended with a reason.
func refusal(reason, endpoint string) error {
	code := codes.Unknown
	reason = bare(reason)
	if known, ok := etcderr.FromMessage(reason); ok {
		code = status.Code(known)
	}
	if reason == "" { // as of a proxy
		reason = "the server refuses the watch without a reason"
	}
	return etcderr.FromRPC(status.Error(code, reason), etcderr.Call{
		Method: pb.Watch_Watch_FullMethodName, Endpoint: endpoint, Sent: true, Read: true,
	})
}

// contextEnded is the error of a watch whose context ended, before its creation or after. before is what it waited for.
func contextEnded(ended context.Context, before error) error {
	return etcderr.FromRPC(ended.Err(), etcderr.Call{
		Method: pb.Watch_Watch_FullMethodName, Cause: tell.Ended(ended), Before: before, Read: true,
	})
}
