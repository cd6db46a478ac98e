// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"context"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// OpenClientV3 returns etcd's own client, which closes with the test.
func OpenClientV3(t testing.TB, endpoints ...string) *clientv3.Client {
	t.Helper()
	c, err := DialClientV3(context.Background(), endpoints...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close clientv3: %v", err)
		}
	})
	return c
}
