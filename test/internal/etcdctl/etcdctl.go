// SPDX-License-Identifier: Apache-2.0

// Package etcdctl builds etcd's command-line client for tests that compare it with the SDK.
package etcdctl

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Build builds etcdctl, and returns its path. The file is removed with the test.
func Build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "etcdctl")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "go.etcd.io/etcd/etcdctl/v3")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}
