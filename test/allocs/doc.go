// SPDX-License-Identifier: Apache-2.0

// Package allocs bounds what a call allocates. Its test is built without the race detector only, which makes sync.Pool
// forget on purpose; `go test -race` has no test files here.
package allocs
