// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"errors"
	"fmt"
)

// Partition cuts m off from every other member, in both directions. Clients still reach it. Partitioned members do not
// reach each other either. It needs [WithProxy], and lasts until [Cluster.HealPartition], also over a restart of m.
func (c *Cluster) Partition(m *Member) {
	switch {
	case m == nil || m.cluster != c:
		c.fail(errors.New("Partition: not a member of the cluster"))
	case c.peers == nil:
		m.failed("Partition", errNoProxy)
	default:
		c.peers.isolate(m)
	}
}

// HealPartition undoes every [Cluster.Partition]. It needs [WithProxy]. The members then find each other by themselves,
// which takes a moment.
func (c *Cluster) HealPartition() {
	if c.peers == nil {
		c.fail(fmt.Errorf("HealPartition: %w", errNoProxy))
		return
	}
	c.peers.heal()
}
