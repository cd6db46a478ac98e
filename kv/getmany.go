// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"fmt"

	"github.com/eetcd-go/eetcd/internal/render"
)

// GetMany reads any number of keys at one revision: the newest, or the one of WithRev.
//
//	found, err := kv.GetMany(ctx, kv.New("registry"), "config/level", "config/limit")
//	if err != nil {
//		return err
//	}
//	if level, there := found.Get("config/level"); there {
//		fmt.Printf("%s at revision %d\n", level.GetValue(), found.Rev())
//	}
//
// It takes WithRev, WithSerializable and WithKeysOnly. The keys are arguments, so WithKey and ranges are refused. An empty key is
// refused too. A key that is given twice is read once. Without keys nothing is sent, and the result is empty.
//
// Up to 128 keys are one transaction that only reads. More are several ones, up to 8 of them under way at a time. The later ones read
// at the revision of the first one. If that is compacted meanwhile, the error is etcderr.ErrCompacted. A transaction brings about
// 1 MiB: where the server takes fewer operations, or the values are large, GetMany asks for fewer keys at a time. A server that
// refuses these transactions, as kine does, is asked for one key at a time, at one revision all the same. If a key may not be read,
// the whole fails with etcderr.ErrPermissionDenied.
//
// The context limits the whole. WithTimeout limits each transaction. Without either, the limit of a transaction is 5 s
// (conn.WithDefaultTimeout). GetMany is safe for concurrent use. It calls KV/Txn, and KV/Range for a single key.
func GetMany(parent context.Context, c Request, keys ...string) (*Many, error) {
	like, err := render.GetMany(c)
	for i, key := range keys {
		if key == "" {
			err = render.AlsoInvalid(err, fmt.Sprintf("kv: key %d of a get of many keys is empty", i))
		}
	}
	if parent == nil {
		err = render.AlsoInvalid(err, errNilParent)
	}
	if err != nil {
		return nil, err
	}
	l, err := newLookup(parent, c, like, keys)
	if err != nil {
		return nil, err
	}
	if err := l.all(); err != nil {
		return nil, err
	}
	return l.many(), nil
}
