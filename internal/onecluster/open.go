// SPDX-License-Identifier: Apache-2.0

package onecluster

import (
	"testing"

	"github.com/eetcd-go/eetcd/conn"
)

// Open opens a connection, under a name of its own if name is empty. It closes with the test, unless the test closes it before. The
// test fails if Close does.
func Open(t testing.TB, name string, endpoints []string, opts ...conn.Option) *conn.Conn {
	t.Helper()
	c, err := conn.Open(t.Context(), name, endpoints, opts...)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}
