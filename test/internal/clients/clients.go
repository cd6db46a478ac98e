// SPDX-License-Identifier: Apache-2.0

// Package clients has the three clients of etcd that are compared: a bare gRPC stub, etcd's own client, and the SDK.
package clients

import (
	"context"
	"errors"
	"fmt"

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

// Open connects all three to a cluster, each over its own connections without TLS. The bare stub uses the first endpoint.
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

// openRaw is the least that a program can do: a generated stub on a gRPC connection, and requests made by hand.
func openRaw(_ context.Context, endpoints []string) (Client, error) {
	cc, err := Dial(endpoints[0])
	if err != nil {
		return Client{}, err
	}
	stub := pb.NewKVClient(cc)
	return Client{
		Name: Raw,
		Get: func(parent context.Context, key string) error {
			r, err := stub.Range(parent, &pb.RangeRequest{Key: []byte(key)})
			return found(r.GetCount(), err)
		},
		Put: func(parent context.Context, key, value string) error {
			_, err := stub.Put(parent, &pb.PutRequest{Key: []byte(key), Value: []byte(value)})
			return err
		},
		Close: cc.Close,
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
