// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/test/internal/bench"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

const (
	copyPrefix = "tablebench/copy/"
	listPrefix = "tablebench/list/"
	markKey    = copyPrefix + "mark" // put after all changes
)

var value = []byte(strings.Repeat("v", 100))

func keyOf(prefix string, i int) string { return fmt.Sprintf("%s%08d", prefix, i) }

// store writes to the server.
type store struct {
	endpoint string
	cc       *grpc.ClientConn
	kv       pb.KVClient
}

func newStore(endpoint string) (*store, error) {
	cc, err := clients.Dial(endpoint)
	if err != nil {
		return nil, err
	}
	return &store{endpoint, cc, pb.NewKVClient(cc)}, nil
}

func (s *store) close() error { return s.cc.Close() }

// fill puts n keys.
func (s *store) fill(parent context.Context, prefix string, n int) error {
	return bench.Write(parent, s.kv, n, 100, func(i int) ([]byte, []byte) { return []byte(keyOf(prefix, i)), value })
}

// change changes keys, one in each transaction, and then puts the mark.
func (s *store) change(parent context.Context, o options, mark string) error {
	err := bench.Write(parent, s.kv, o.changes, 1, func(i int) ([]byte, []byte) {
		return []byte(keyOf(copyPrefix, i*7919%o.keys)), value
	})
	if err != nil {
		return err
	}
	_, err = s.kv.Put(parent, &pb.PutRequest{Key: []byte(markKey), Value: []byte(mark)})
	return err
}
