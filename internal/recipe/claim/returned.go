// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"maps"
	"slices"
	"sync"

	"github.com/eetcd-go/eetcd/internal/report"
)

// returned has the claims that calls of Turn have returned with, by key, for reports. Their leases are the user's, so a claim may end
// without a word to this process. The zero value is empty. Its methods are safe for concurrent use.
type returned struct {
	mu     sync.Mutex
	claims map[string]report.Claim
}

// returnedMax bounds the memory of a program that never gives its claims back, but has their leases end. The oldest is forgotten.
const returnedMax = 1000

func (r *returned) add(key string, c report.Claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.claims == nil {
		r.claims = map[string]report.Claim{}
	}
	if _, there := r.claims[key]; !there && len(r.claims) == returnedMax {
		oldest := ""
		for other, c := range r.claims {
			if oldest == "" || c.Since.Before(r.claims[oldest].Since) {
				oldest = other
			}
		}
		delete(r.claims, oldest)
	}
	r.claims[key] = c
}

// remove forgets the claim with that key and that create revision, or with any where rev is 0.
func (r *returned) remove(key string, rev int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rev == 0 || r.claims[key].Rev == rev {
		delete(r.claims, key)
	}
}

func (r *returned) all() []report.Claim {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.claims))
}
