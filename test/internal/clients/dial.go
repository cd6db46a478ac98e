// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"context"
	"errors"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/eetcd-go/eetcd/conn"
)

// Dial returns a bare gRPC connection to one endpoint, without TLS.
func Dial(endpoint string) (*grpc.ClientConn, error) {
	return grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

// DialClientV3 returns etcd's own client, which logs nothing.
func DialClientV3(parent context.Context, endpoints ...string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: endpoints, Context: parent, Logger: zap.NewNop()})
}

// Both is a connection of the SDK and etcd's own client to one cluster.
type Both struct {
	SDK  *conn.Conn
	Etcd *clientv3.Client
}

// OpenBoth connects both to a cluster.
func OpenBoth(parent context.Context, endpoints []string) (*Both, error) {
	sdk, err := conn.Open(parent, "", endpoints)
	if err != nil {
		return nil, err
	}
	etcd, err := DialClientV3(parent, endpoints...)
	if err != nil {
		return nil, errors.Join(err, sdk.Close())
	}
	return &Both{SDK: sdk, Etcd: etcd}, nil
}

// Close closes both.
func (b *Both) Close() error { return errors.Join(b.Etcd.Close(), b.SDK.Close()) }
