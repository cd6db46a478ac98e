// SPDX-License-Identifier: Apache-2.0

package kv

import "github.com/eetcd-go/eetcd/gen/mvccpb"

// Many is what [GetMany] has read. It does not change, and is safe for concurrent use.
type Many struct {
	rev   int64
	pairs map[string]*mvccpb.KeyValue
}

// Get returns the pair of a key. It reports false if the key did not exist at the revision of [Many.Rev], and for a key that was not
// asked for. The pair belongs to m: do not change it.
func (m *Many) Get(key string) (*mvccpb.KeyValue, bool) {
	pair, there := m.pairs[key]
	return pair, there
}

// Rev returns the revision at which all keys were read. It is 0 if there were no keys, and WithRev was not given.
func (m *Many) Rev() int64 { return m.rev }
