// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"errors"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// A program may defer Close before it looks at the error of Open.
func TestNilAndZeroConnectionsAreNotOpen(t *testing.T) {
	for name, c := range map[string]*conn.Conn{"nil": nil, "zero": {}} {
		_, get := get(t.Context(), c)
		_, watch := pb.NewWatchClient(c).Watch(t.Context())
		_, namespace := c.Namespace("tenant", "p/")
		for what, err := range map[string]error{
			"Invoke": get, "NewStream": watch, "Namespace": namespace, "WaitReady": c.WaitReady(t.Context()), "Sync": c.Sync(t.Context()),
			"SetEndpoints": c.SetEndpoints(t.Context(), []string{"a:1"}),
		} {
			if !errors.Is(err, conn.ErrNotOpen) {
				t.Errorf("%s connection: %s: %v", name, what, err)
			}
		}
		if c.Name() != "" || c.Info() != nil || c.Usage() != (conn.Usage{}) || c.Close() != nil {
			t.Errorf("%s connection: name %q, endpoints %v, usage %v, Close %v", name, c.Name(), c.Info(), c.Usage(), c.Close())
		}
	}
}
