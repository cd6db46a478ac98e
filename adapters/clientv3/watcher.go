// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/watch"
)

// watcher is clientv3.Watcher on package watch. Each watch has a goroutine, which hands its responses to the channel.
type watcher struct {
	wire *wire
	*guests
	mu   sync.Mutex
	open map[*watch.Watcher]string // with the metadata of their contexts, which RequestProgress goes by
}

func newWatcher(w *wire) *watcher {
	return &watcher{wire: w, guests: newGuests(w.life), open: map[*watch.Watcher]string{}}
}

// Watch returns when the watch is created or refused, or when the context ends.
func (w *watcher) Watch(parent context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	op := clientv3.OpWatch(key, opts...)
	out := make(chan clientv3.WatchResponse, 1) // as in clientv3: the first response waits there
	ctx, end, err := w.begin(parent)
	if err != nil {
		if err != errEnded {
			out <- refusal(err)
		}
		close(out)
		return out
	}
	one, err := w.create(ctx, op)
	if err != nil {
		if ctx.Err() == nil {
			out <- refusal(err)
		}
		close(out)
		end()
		return out
	}
	w.enter(one, parent)
	go func() {
		defer end()
		defer close(out)
		defer w.leave(one)
		defer one.Close()
		w.deliver(ctx, op, one, out)
	}()
	return out
}

// create tries until there is an answer, as clientv3 does.
func (w *watcher) create(ctx context.Context, op clientv3.Op) (*watch.Watcher, error) {
	begin := func(name string) (*watch.Watcher, error) { return watch.Watch(ctx, requestOf(name, op)) }
	for {
		one, err := named(w.wire, begin, func(other *watch.Watcher) { _ = other.Close() })
		if err == nil || ctx.Err() != nil || !passing(err) {
			return one, err
		}
		if err := w.wire.recovered(ctx); err != nil {
			return nil, err
		}
	}
}

// passing reports whether clientv3 would open another stream after such an error.
func passing(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.Internal, codes.DeadlineExceeded:
		return true
	default:
		return false
	}
}

// requestOf leaves WithFragment out: clientv3 asks the server for parts and puts them together again, and so does package watch.
func requestOf(name string, op clientv3.Op) watch.Request {
	key := op.KeyBytes()
	if len(key) == 0 {
		key = []byte{0} // what a server makes of it
	}
	request := watch.New(name).WithKeyBytes(key)
	if end := op.RangeBytes(); len(end) > 0 {
		request = request.WithRangeEnd(string(end))
	}
	if op.Rev() != 0 {
		request = request.WithStartRevision(op.Rev())
	}
	if op.IsPrevKV() {
		request = request.WithPrevKV()
	}
	if op.IsProgressNotify() {
		request = request.WithProgressNotify()
	}
	if op.IsFilterPut() {
		request = request.WithFilterPut()
	}
	if op.IsFilterDelete() {
		request = request.WithFilterDelete()
	}
	return request
}

func (w *watcher) deliver(ctx context.Context, op clientv3.Op, one *watch.Watcher, out chan<- clientv3.WatchResponse) {
	if op.IsCreatedNotify() && !send(ctx, out, w.created(ctx, op, one)) {
		return
	}
	for response, err := range one.Responses() {
		if err != nil {
			send(ctx, out, refusal(err))
			return
		}
		if !send(ctx, out, clientv3.WatchResponse{
			Header: headerOf(theirHeader(response.GetHeader())), Events: each(response.GetEvents(), theirEvent),
		}) {
			return
		}
	}
}

// created is the response of WithCreatedNotify. A watch with a start revision does not tell at which revision it was created. So
// its header is that of a read, which is no older.
func (w *watcher) created(ctx context.Context, op clientv3.Op, one *watch.Watcher) clientv3.WatchResponse {
	header := &etcdserverpb.ResponseHeader{Revision: one.Rev()}
	read := etcdserverpb.RangeRequest{Key: op.KeyBytes(), KeysOnly: true}
	if len(read.Key) == 0 {
		read.Key = []byte{0}
	}
	if answer, err := etcdserverpb.NewKVClient(w.wire).Range(ctx, &read); err == nil {
		header = answer.Header
		if op.Rev() == 0 {
			header.Revision = one.Rev()
		}
	}
	return clientv3.WatchResponse{Header: header, Created: true}
}

// closing is the reason by which clientv3.IsConnCanceled recognises the end of a connection. The code of the error is that of all
// reasons, FailedPrecondition.
const closing = "transport is closing"

// refusal is the last response of a watch.
func refusal(err error) clientv3.WatchResponse {
	last := clientv3.WatchResponse{Header: &etcdserverpb.ResponseHeader{}, Canceled: true, CancelReason: err.Error()}
	var (
		compacted *watch.CompactedError
		refused   *etcderr.Error
	)
	switch {
	case errors.Is(err, conn.ErrClosed):
		last.CancelReason = closing
	case errors.As(err, &compacted):
		last.CompactRevision = compacted.CompactRevision
	case errors.As(err, &refused):
		last.CancelReason = refused.Message() // by which clientv3 finds the rpctypes error
	}
	return last
}

// send hands over a response. It returns false, and hands over nothing, once ctx has ended.
func send(ctx context.Context, out chan<- clientv3.WatchResponse, response clientv3.WatchResponse) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case out <- response:
		return true
	case <-ctx.Done():
		return false
	}
}

func headerOf(h *etcdserverpb.ResponseHeader) *etcdserverpb.ResponseHeader {
	if h == nil {
		return &etcdserverpb.ResponseHeader{}
	}
	return h
}

func (w *watcher) enter(one *watch.Watcher, parent context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[one] = metadataOf(parent)
}

func (w *watcher) leave(one *watch.Watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, one)
}

// metadataOf returns what clientv3 groups watches by.
func metadataOf(parent context.Context) string {
	md, _ := metadata.FromOutgoingContext(parent)
	return fmt.Sprint(map[string][]string(md))
}

// RequestProgress asks for the progress of each watch whose context has the metadata of this one.
func (w *watcher) RequestProgress(parent context.Context) error {
	ctx, end, err := w.begin(parent)
	if err != nil {
		return err
	}
	defer end()
	if err := w.wire.closed(); err != nil {
		return err
	}
	w.mu.Lock()
	var asked []*watch.Watcher
	for one, md := range w.open {
		if md == metadataOf(parent) {
			asked = append(asked, one)
		}
	}
	w.mu.Unlock()
	for _, one := range asked {
		err := one.Progress(ctx)
		switch {
		case parent.Err() != nil:
			return parent.Err()
		case errors.Is(err, watch.ErrNoProgress):
			return err
		}
		// Any other error says that this watch has ended, which its channel tells.
	}
	return nil
}

// Close ends all watches, and waits for their goroutines.
func (w *watcher) Close() error {
	w.dismiss()
	return nil
}
