// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// RangeIn returns the answer to operation i of a transaction, which is a read. etcd answers each operation in its place. The answer of
// a broken proxy or of another server may have too few results, or one of another kind. Then RangeIn returns an error, and whether the
// transaction was applied is unknown.
func RangeIn(answer *pb.TxnResponse, i int) (*pb.RangeResponse, error) {
	if results := answer.GetResponses(); i < len(results) {
		if r := results[i].GetResponseRange(); r != nil {
			return r, nil
		}
	}
	return nil, fmt.Errorf("the server's answer to a transaction lacks the result of read %d among its %d results",
		i, len(answer.GetResponses()))
}
