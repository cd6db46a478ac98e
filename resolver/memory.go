// SPDX-License-Identifier: Apache-2.0

package resolver

import "sync"

// memory has the last list of each target whose resolver was closed. gRPC closes the resolver of a client that goes idle, and makes
// another one for its next call. If etcd is away then, gRPC still has the last list.
type memory struct {
	mu    sync.Mutex
	lists map[string][]Instance // by prefix
}

func (m *memory) keep(prefix string, list []Instance) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lists == nil {
		m.lists = map[string][]Instance{}
	}
	m.lists[prefix] = list
}

func (m *memory) of(prefix string) []Instance {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lists[prefix]
}
