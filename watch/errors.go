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

// CompactedError ends a watch that needs history which has been compacted. Its start revision was too old, or it had no server or
// no room in its buffer for longer than the history is kept. To go on, read the keys, and watch from the revision after that of
// the read. errors.Is finds [etcderr.ErrCompacted] in it.
//
// CompactRevision is the earliest revision that can be watched without a gap. Members before 3.4.34 and 3.5.16 have lost the
// deletions at the revision of the compaction itself, so with these it is the revision after that.
type CompactedError struct {
	CompactRevision int64 // the earliest revision that can still be watched from without a gap
}

// Error names the revision.
func (e *CompactedError) Error() string {
	return fmt.Sprintf("watch: the history before revision %d has been compacted", e.CompactRevision)
}

// Unwrap returns [etcderr.ErrCompacted].
func (e *CompactedError) Unwrap() error { return etcderr.ErrCompacted }

// ErrNoProgress is the error of [Watcher.Progress] if the server does not answer progress requests. etcd's gRPC proxy does
// not.
var ErrNoProgress = errors.New("watch: the server tells no progress on request")

// errProtocol breaks a stream on which the server answers a question that was not asked.
var errProtocol = errors.New("watch: the server confirmed a watch that was not asked for")

// errOtherHistory breaks a stream whose server is not in the history in which the stream was opened.
var errOtherHistory = errors.New("watch: the store has another history, or belongs to another cluster")

// errUncreated is the reason in the error of a caller who gave up while the stream was open.
var errUncreated = errors.New("watch: the server has not created it yet")

// bare takes a reason apart that is the text of a gRPC error, which a proxy met on its way to a member. Otherwise the code is
// Unknown.
func bare(reason string) (text string, code codes.Code) {
	name, text, ok := strings.Cut(strings.TrimPrefix(reason, "rpc error: code = "), " desc = ")
	if !ok || !strings.HasPrefix(reason, "rpc error: code = ") {
		return reason, codes.Unknown
	}
	for code := range codes.Unauthenticated + 1 {
		if code.String() == name {
			return text, code
		}
	}
	return text, codes.Unknown
}

// foreign reports whether the reason of a refusal is none of etcd's own, and does not say that a member was out of reach.
func foreign(r *pb.WatchResponse) bool {
	text, code := bare(r.CancelReason)
	_, known := etcderr.FromMessage(text)
	return !known && !away(code) && r.CancelReason != "" && r.CompactRevision == 0
}

// away reports whether a code tells that a proxy did not reach its member.
func away(code codes.Code) bool {
	return code == codes.Unavailable || code == codes.DeadlineExceeded || code == codes.Canceled
}

// refusal makes the error of a watch that the server refused or ended for a reason.
func refusal(reason, endpoint string) error {
	text, code := bare(reason)
	known, ok := etcderr.FromMessage(text)
	switch {
	case ok:
		code = status.Code(known)
	case away(code):
		code = codes.Unavailable // the next attempt may reach the member
	default:
		code = codes.Unknown
	}
	if text == "" { // a proxy may give none
		text = "the server refuses the watch without a reason"
	}
	return etcderr.FromRPC(status.Error(code, text), etcderr.Call{
		Method: pb.Watch_Watch_FullMethodName, Endpoint: endpoint, Sent: true, Read: true,
	})
}

// contextEnded makes the error of a watch whose context ended, before its creation or after it. before is what the watch waited
// for.
func contextEnded(ended context.Context, before error) error {
	return etcderr.FromRPC(ended.Err(), etcderr.Call{
		Method: pb.Watch_Watch_FullMethodName, Cause: tell.Ended(ended), Before: before, Read: true,
	})
}
