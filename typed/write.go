// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"errors"
	"fmt"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// state is what a key was at a revision. pair is nil if the key was not there.
type state struct {
	pair *mvccpb.KeyValue
	rev  int64
}

// write is a put that the servers carry out only if the key is as it was before. So within one round of an update it may be sent
// again.
type write struct {
	to     ctx.Ctx // connection and endpoint
	put    ctx.Ctx // key, value, lease
	before *state
	late   error // why an attempt that was not carried out may still be; nil where none may
}

func (w *write) key() string { return sealed.Ctx(w.put).Key() }

func (w *write) creates() bool { return w.before.pair == nil }

// txn makes the transaction. Its two forms are the ones that kine knows.
func (w *write) txn() op.Transaction {
	txn := op.If(compare.New(w.key()).ModRevision(compare.Equal, w.before.pair.GetModRevision())).Then(op.Put(w.put))
	if w.creates() {
		return txn
	}
	return txn.Else(op.Get(kv.Key(w.key())))
}

// alike reports whether the write could have made this version of the key.
func (w *write) alike(pair *mvccpb.KeyValue) bool {
	return string(pair.GetValue()) == sealed.Ctx(w.put).Value() && pair.GetLease() == sealed.Ctx(w.put).Lease()
}

// putOf makes the request for a put.
func putOf(to ctx.Ctx, key string, data []byte, lease int64) ctx.Ctx {
	to = to.WithKey(key).WithValueBytes(data)
	if lease != 0 {
		to = to.WithLease(lease)
	}
	return to
}

// one is the pair in the answer to a get of one key, nil if there is none.
func one(response *pb.RangeResponse) *mvccpb.KeyValue {
	if len(response.GetKvs()) == 0 {
		return nil
	}
	return response.GetKvs()[0]
}

// sized adds the size of a value to the server's refusal of a request that is too large.
func sized(err error, key string, data []byte) error {
	if errors.Is(err, etcderr.ErrRequestTooLarge) {
		return fmt.Errorf("typed: the value of %q has %d bytes: %w", key, len(data), err)
	}
	return err
}
