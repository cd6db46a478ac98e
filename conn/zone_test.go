// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/eetcd-go/eetcd/conn"
)

// A zone is for the dialer of this side only (RFC 6874): no server knows the name of an interface here.
func TestEndpointWithAZoneIsReachedWithoutTellingTheZone(t *testing.T) {
	for _, endpoint := range []string{"[fe80::1%lo]:1", "http://[fe80::1%25lo]:1"} {
		synctest.Test(t, func(t *testing.T) {
			var told atomic.Value
			m := newMember(t, "[fe80::1%lo]", grpc.UnaryInterceptor(
				func(parent context.Context, r any, _ *grpc.UnaryServerInfo, serve grpc.UnaryHandler) (any, error) {
					md, _ := metadata.FromIncomingContext(parent)
					told.Store(strings.Join(md.Get(":authority"), ","))
					return serve(parent, r)
				}))
			c, err := conn.Open(t.Context(), "", []string{endpoint}, network(m))
			if err != nil {
				t.Fatalf("%s: %v", endpoint, err)
			}
			defer c.Close()
			if got := told.Load(); got != "[fe80::1]:1" {
				t.Errorf("%s: the server is called %v", endpoint, got)
			}
		})
	}
}
