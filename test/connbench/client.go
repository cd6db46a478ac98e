// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/test/internal/clients"
	"github.com/eetcd-go/eetcd/watch"
)

// mark is the key that each connection watches.
const mark = "connbench/mark"

// leaseTTL is longer than any fault here.
const leaseTTL = time.Minute

// connected is a connection with a watch and a kept lease.
type connected struct {
	next func() (value string, err error) // waits for the next change of the mark
	get  func(parent context.Context) error
}

var (
	errNoClient = errors.New("no such client")
	errEnded    = errors.New("the watch ended")
)

// open connects a client by its name.
func open(parent context.Context, client string, endpoints []string, opts ...grpc.DialOption) (connected, error) {
	switch client {
	case clients.Eetcd:
		return openEetcd(parent, endpoints, opts)
	case clients.ClientV3:
		return openClientV3(parent, endpoints, opts)
	default:
		return connected{}, fmt.Errorf("%w: %q", errNoClient, client)
	}
}

func openEetcd(parent context.Context, endpoints []string, opts []grpc.DialOption) (connected, error) {
	c, err := conn.Open(parent, "", endpoints, conn.WithDialOptions(opts...))
	if err != nil {
		return connected{}, err
	}
	w, err := watch.Watch(parent, watch.New(c.Name()).WithKey(mark))
	if err != nil {
		return connected{}, err
	}
	granted, err := lease.Grant(parent, lease.New(c.Name()), leaseTTL)
	if err != nil {
		return connected{}, err
	}
	if _, err := lease.KeepAlive(parent, lease.New(c.Name()), granted.ID); err != nil {
		return connected{}, err
	}
	return connected{
		next: func() (string, error) {
			for e, err := range w.Events() {
				return string(e.GetKv().GetValue()), err
			}
			return "", errEnded
		},
		get: func(parent context.Context) error {
			_, err := kv.Get(parent, kv.New(c.Name()).WithKey(mark))
			return err
		},
	}, nil
}

func openClientV3(parent context.Context, endpoints []string, opts []grpc.DialOption) (connected, error) {
	c, err := clientv3.New(clientv3.Config{Endpoints: endpoints, Context: parent, Logger: zap.NewNop(), DialOptions: opts})
	if err != nil {
		return connected{}, err
	}
	changes := c.Watch(parent, mark, clientv3.WithCreatedNotify())
	if r := <-changes; r.Err() != nil || !r.Created {
		return connected{}, errors.Join(errEnded, r.Err())
	}
	granted, err := c.Grant(parent, int64(leaseTTL/time.Second))
	if err != nil {
		return connected{}, err
	}
	renewals, err := c.KeepAlive(parent, granted.ID)
	if err != nil {
		return connected{}, err
	}
	if <-renewals == nil { // further ones are dropped when the channel is full
		return connected{}, fmt.Errorf("the lease was not renewed: %w", parent.Err())
	}
	return connected{
		next: func() (string, error) {
			for r := range changes {
				if err := r.Err(); err != nil {
					return "", err
				}
				if n := len(r.Events); n > 0 {
					return string(r.Events[n-1].Kv.Value), nil // a watch that resumes may bring an earlier mark first
				}
			}
			return "", errEnded
		},
		get: func(parent context.Context) error {
			_, err := c.Get(parent, mark)
			return err
		},
	}, nil
}
