// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// The size of a page in keys follows from the size of the page before it.
const (
	pageBytes   = 1 << 20 // what a page is to have
	pageMax     = 8 << 20 // more than that is received only where it is one key
	pageFirst   = 32      // keys of the first page, as nothing is known of their size
	pageKeysMax = 1 << 16
	pageGrowth  = 8 // a page has at most so many times the keys of the page before it
)

// reading reads a range page by page. Each page is read by itself with KV/Range: so it may come from any member. After a page,
// KV/RangeStream may bring many more. When that breaks, the next page is read by itself again.
//
// The first page is always read by itself, since a stream names its revision only at its end.
type reading struct {
	parent  context.Context
	to      wire.Route
	timeout time.Duration // of a page in a stream

	rest    *pb.RangeRequest // what is left to read
	limited bool             // Limit of rest is that of the user
	keys    int64            // of the next page
	streams bool             // it is worth to try a stream
	header  *pb.ResponseHeader
	count   int64
	done    bool
}

func newReading(parent context.Context, c Request) (*reading, error) {
	request, err := pagesRequest(parent, c)
	if err != nil {
		return nil, err
	}
	to, err := wire.RouteOf(c)
	if err != nil {
		return nil, err
	}
	r := &reading{
		parent: parent, to: to, timeout: to.Conn.DefaultTimeout(), rest: request, limited: request.GetLimit() > 0, keys: pageFirst,
	}
	if to.Timeout > 0 {
		r.timeout = to.Timeout
	}
	// Servers refuse to stream a range with such filters.
	r.streams = request.GetMinModRevision() == 0 && request.GetMaxModRevision() == 0 &&
		request.GetMinCreateRevision() == 0 && request.GetMaxCreateRevision() == 0
	return r, nil
}

const errNilParent = "kv: the parent context is nil"

// pagesRequest returns the message for a request for pages, or every mistake in it.
func pagesRequest(parent context.Context, c Request) (*pb.RangeRequest, error) {
	request, err := render.Range(c)
	if request.GetCountOnly() {
		err = render.AlsoInvalid(err, "kv: WithCountOnly does not apply to pages")
	}
	if request.GetSortOrder() != pb.RangeRequest_NONE {
		err = render.AlsoInvalid(err, "kv: pages are in the order of the keys, and take no other sort")
	}
	if parent == nil {
		err = render.AlsoInvalid(err, errNilParent)
	}
	return request, err
}

var (
	errOtherStore = errors.New("kv: another cluster answers than before")
	errEmptyPage  = errors.New("kv: the server says that there are more keys, and returns none")
)

// page reads the next page by itself.
func (r *reading) page() (*pb.RangeResponse, error) {
	for {
		request := proto.CloneOf(r.rest)
		if !r.limited || r.keys < request.GetLimit() {
			request.Limit = r.keys
		}
		var opts []grpc.CallOption
		if request.GetLimit() > 1 {
			opts = append(opts, grpc.MaxCallRecvMsgSize(pageMax))
		}
		page, err := wire.KV.Range.Over(r.parent, r.to, request, opts...)
		if err == nil {
			return page, r.take(page, page.GetMore())
		}
		if r.behind(err) {
			continue
		}
		if request.GetLimit() == 1 || !tooLarge(err) {
			return nil, err
		}
		r.keys = max(1, request.GetLimit()/pageGrowth)
	}
}

// behind reports whether a member that answers by itself has not come as far as the one that the first page is from. Then the
// majority has to agree on the pages that follow.
func (r *reading) behind(err error) bool {
	if r.header == nil || !r.rest.GetSerializable() || !errors.Is(err, etcderr.ErrFutureRev) {
		return false
	}
	r.rest.Serializable = false
	return true
}

// stream gives pages from a stream. It reports false if the reader has left. Whatever the stream meets, the next page tells.
func (r *reading) stream(give func(*pb.RangeResponse) bool) bool {
	if r.done || !r.streams {
		return true
	}
	life, cancel := context.WithCancel(r.parent)
	defer cancel()
	to := call.Options{
		Target: r.to.Target, Aside: r.rest.GetSerializable(), Rest: []grpc.CallOption{grpc.MaxCallRecvMsgSize(2 * pageMax)},
	}
	to.Timeout = r.timeout
	s, err := r.to.Conn.OpenStream(life, &pb.KV_ServiceDesc.Streams[0], pb.KV_RangeStream_FullMethodName, to)
	if err == nil {
		_ = s.SendMsg(proto.CloneOf(r.rest)) // where it fails, what follows tells
		err = s.CloseSend()
	}
	for first := true; err == nil && !r.done; first = false {
		piece := new(pb.RangeStreamResponse)
		late := time.AfterFunc(r.timeout, s.Abort)
		err = s.RecvMsg(piece)
		late.Stop()
		if err != nil {
			r.streams = !first || r.behind(err) // a server that cannot stream does not get another chance
			break
		}
		page := piece.GetRangeResponse()
		last := page.GetHeader() != nil
		if page == nil || r.take(page, !last || page.GetMore()) != nil {
			r.streams = false
			break
		}
		if !give(page) {
			return false
		}
	}
	r.streams = r.streams && s != nil
	return true
}

// take notes what a page has, and completes what the server leaves out. more says that keys follow.
func (r *reading) take(page *pb.RangeResponse, more bool) error {
	pairs := page.GetKvs()
	switch {
	case r.header == nil:
		r.header, r.count = page.GetHeader(), page.GetCount()
		if r.rest.GetRevision() == 0 {
			r.rest.Revision = page.GetHeader().GetRevision()
		}
	case page.GetHeader() == nil:
		page.Header = proto.CloneOf(r.header)
	case page.GetHeader().GetClusterId() != r.header.GetClusterId():
		return errOtherStore
	}
	page.Count, page.More = r.count, more
	if r.limited {
		r.rest.Limit -= int64(len(pairs))
	}
	if r.done = !more || r.limited && r.rest.GetLimit() <= 0; r.done {
		return nil
	}
	if len(pairs) == 0 {
		return errEmptyPage
	}
	r.rest.Key = append(slices.Clip(pairs[len(pairs)-1].GetKey()), 0) // the smallest key after the last one
	n := int64(len(pairs))
	r.keys = min(max(1, n*pageBytes/int64(max(1, proto.Size(page)))), n*pageGrowth, pageKeysMax)
	return nil
}

// tooLarge reports whether a page was larger than this side receives.
func tooLarge(err error) bool {
	var e *etcderr.Error
	return errors.As(err, &e) && e.Code() == codes.ResourceExhausted &&
		strings.HasPrefix(e.Message(), "grpc: ") && strings.Contains(e.Message(), "larger than max")
}
