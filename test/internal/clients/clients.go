// SPDX-License-Identifier: Apache-2.0

// Package clients has the three clients of etcd that are compared: a bare gRPC stub, etcd's own client, and the SDK.
package clients

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
)

// Client is one of them. Its functions do what a user would write, check the answer, and add no allocation.
type Client struct {
	Name  string
	Get   func(parent context.Context, key string) error // of a key that exists
	Put   func(parent context.Context, key, value string) error
	Close func() error
}

// Names of the clients, in the order of [Open].
const (
	Raw      = "raw"
	ClientV3 = "clientv3"
	Eetcd    = "eetcd"
)

var errMissing = errors.New("the key is not there")

// Open connects all three to a cluster, each over its own connections without TLS. The bare stubs are used in turn.
func Open(parent context.Context, endpoints ...string) ([]Client, error) {
	var all []Client
	for _, open := range []func(context.Context, []string) (Client, error){openRaw, openClientV3, openEetcd} {
		c, err := open(parent, endpoints)
		if err != nil {
			return nil, errors.Join(err, Close(all))
		}
		all = append(all, c)
	}
	return all, nil
}

// Close closes them all.
func Close(all []Client) error {
	var errs []error
	for _, c := range all {
		if err := c.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", c.Name, err))
		}
	}
	return errors.Join(errs...)
}

// openRaw is the least that a program can do: a generated stub on a gRPC connection, and requests made by hand. With several endpoints
// it has a stub for each, and uses them in turn.
func openRaw(_ context.Context, endpoints []string) (Client, error) {
	var closing []func() error
	closeAll := func() error {
		var errs []error
		for _, f := range closing {
			errs = append(errs, f())
		}
		return errors.Join(errs...)
	}
	var stubs []pb.KVClient
	for _, endpoint := range endpoints {
		cc, err := Dial(endpoint)
		if err != nil {
			return Client{}, errors.Join(err, closeAll())
		}
		closing, stubs = append(closing, cc.Close), append(stubs, pb.NewKVClient(cc))
	}
	var turn atomic.Uint32
	next := func() pb.KVClient { return stubs[turn.Add(1)%uint32(len(stubs))] }
	return Client{
		Name: Raw,
		Get: func(parent context.Context, key string) error {
			r, err := next().Range(parent, &pb.RangeRequest{Key: []byte(key)})
			return found(r.GetCount(), err)
		},
		Put: func(parent context.Context, key, value string) error {
			_, err := next().Put(parent, &pb.PutRequest{Key: []byte(key), Value: []byte(value)})
			return err
		},
		Close: closeAll,
	}, nil
}

func openClientV3(_ context.Context, endpoints []string) (Client, error) {
	c, err := DialClientV3(context.Background(), endpoints...)
	if err != nil {
		return Client{}, err
	}
	return Client{
		Name: ClientV3,
		Get: func(parent context.Context, key string) error {
			r, err := c.Get(parent, key)
			if err != nil {
				return err
			}
			return found(r.Count, nil)
		},
		Put: func(parent context.Context, key, value string) error {
			_, err := c.Put(parent, key, value)
			return err
		},
		Close: c.Close,
	}, nil
}

func openEetcd(parent context.Context, endpoints []string) (Client, error) {
	c, err := conn.Open(parent, "", endpoints)
	if err != nil {
		return Client{}, err
	}
	base := kv.New(c.Name())
	return Client{
		Name: Eetcd,
		Get: func(parent context.Context, key string) error {
			r, err := kv.Get(parent, base.WithKey(key))
			return found(r.GetCount(), err)
		},
		Put: func(parent context.Context, key, value string) error {
			_, err := kv.Put(parent, base.WithKey(key).WithValue(value))
			return err
		},
		Close: c.Close,
	}, nil
}

func found(n int64, err error) error {
	if err == nil && n != 1 {
		return errMissing
	}
	return err
}
