// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"sync"
	"sync/atomic"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// Write puts n pairs from 64 callers, perTxn of them in a transaction. pair returns the pair of a number below n.
func Write(parent context.Context, kv pb.KVClient, n, perTxn int, pair func(i int) (key, value []byte)) error {
	const callers = 64
	var next atomic.Int64
	var calling sync.WaitGroup
	var once sync.Once
	var first error
	for range callers {
		calling.Go(func() {
			for {
				to := int(next.Add(int64(perTxn)))
				from := to - perTxn
				if from >= n {
					return
				}
				txn := &pb.TxnRequest{}
				for i := from; i < min(to, n); i++ {
					key, value := pair(i)
					txn.Success = append(txn.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestPut{
						RequestPut: &pb.PutRequest{Key: key, Value: value},
					}})
				}
				if _, err := kv.Txn(parent, txn); err != nil {
					once.Do(func() { first = err })
					return
				}
			}
		})
	}
	calling.Wait()
	return first
}
