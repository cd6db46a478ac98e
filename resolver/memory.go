// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"sync"

	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// memory has the last list of each target whose resolver was closed. gRPC closes the resolver of a client that goes idle, and makes
// another one for its next call. If etcd is away then, gRPC still has the last list. If etcd was wiped meanwhile, gRPC keeps it for a
// time.
type memory struct {
	mu    sync.Mutex
	lists map[string]remembered // by prefix
}

// remembered is what a resolver leaves.
type remembered struct {
	list []Instance
	told follow.History // by its followers
}

func (m *memory) keep(prefix string, r remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lists == nil {
		m.lists = map[string]remembered{}
	}
	m.lists[prefix] = r
}

func (m *memory) of(prefix string) remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lists[prefix]
}
