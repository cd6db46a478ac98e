// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/test/internal/clients"
	"github.com/eetcd-go/eetcd/watch"
)

// client is one way to follow a watch. open connects. follow watches a prefix from a revision on, or from now on for 0,
// calls created, and returns after n events. It looks at each event, as its user would.
type client struct {
	name string
	open func(parent context.Context, endpoint string) (follow func(prefix string, rev int64, n int, created func()) error, err error)
}

var followers = []client{
	{clients.Raw, openRaw},
	{clients.ClientV3, openClientV3},
	{clients.Eetcd, openEetcd},
}

var errEnded = errors.New("the watch ended early")

func openRaw(parent context.Context, endpoint string) (func(string, int64, int, func()) error, error) {
	cc, err := clients.Dial(endpoint)
	if err != nil {
		return nil, err
	}
	return func(prefix string, rev int64, n int, created func()) error {
		parent, cancel := context.WithCancel(parent)
		defer cancel()
		stream, err := pb.NewWatchClient(cc).Watch(parent)
		if err != nil {
			return err
		}
		err = stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{
			Key: []byte(prefix), RangeEnd: []byte(ctx.PrefixEnd(prefix)), StartRevision: rev,
		}}})
		for err == nil && n > 0 {
			var r *pb.WatchResponse
			if r, err = stream.Recv(); err != nil {
				break
			}
			if r.Created {
				created()
			}
			for _, e := range r.Events {
				n -= seen(e.Kv.Value)
			}
		}
		return err
	}, nil
}

func openClientV3(parent context.Context, endpoint string) (func(string, int64, int, func()) error, error) {
	c, err := clients.DialClientV3(parent, endpoint)
	if err != nil {
		return nil, err
	}
	return func(prefix string, rev int64, n int, created func()) error {
		parent, cancel := context.WithCancel(parent)
		defer cancel()
		for r := range c.Watch(parent, prefix, clientv3.WithPrefix(), clientv3.WithRev(rev), clientv3.WithCreatedNotify()) {
			if err := r.Err(); err != nil {
				return err
			}
			if r.Created {
				created()
			}
			for _, e := range r.Events {
				n -= seen(e.Kv.Value)
			}
			if n <= 0 {
				return nil
			}
		}
		return errEnded
	}, nil
}

func openEetcd(parent context.Context, endpoint string) (func(string, int64, int, func()) error, error) {
	c, err := conn.Open(parent, "", []string{endpoint})
	if err != nil {
		return nil, err
	}
	return func(prefix string, rev int64, n int, created func()) error {
		parent, cancel := context.WithCancel(parent)
		defer cancel()
		w, err := watch.Watch(parent, watch.New(c.Name()).WithKey(prefix).WithPrefix().WithStartRevision(rev))
		if err != nil {
			return err
		}
		created()
		for e, err := range w.Events() {
			if err != nil {
				return err
			}
			if n -= seen(e.Kv.Value); n <= 0 {
				return nil
			}
		}
		return errEnded
	}, nil
}

// seen returns 1 for an event with a value.
func seen(value []byte) int {
	if len(value) == 0 {
		return 0
	}
	return 1
}
