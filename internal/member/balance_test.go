// SPDX-License-Identifier: Apache-2.0

package member

import (
	"testing"

	"google.golang.org/grpc/balancer"
)

func TestBalancerHasANameThatAForkDoesNotTake(t *testing.T) {
	const path = "github.com/eetcd-go/eetcd/internal/member"
	if _, ours := balancer.Get(path).(balancers); !ours {
		t.Errorf("gRPC finds the balancer %v by the path of the package", balancer.Get(path))
	}
}
