// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"fmt"
	"strings"
)

// Err returns the first failure of a method of the cluster or of a member, or nil.
func (c *Cluster) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// fail keeps the first failure, and reports each one to the test. A test closes its cluster before it ends, so nothing
// is reported to a test that has ended.
func (c *Cluster) fail(err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = fmt.Errorf("etcdtest: %w", err)
	}
	if c.tb != nil && !c.closed {
		c.tb.Helper()
		c.tb.Errorf("etcdtest: %v", err)
	}
}

func (c *Cluster) failed(method string, err error) {
	if err != nil {
		c.fail(fmt.Errorf("%s: %w", method, err))
	}
}

// dumpLogs prints the end of each server's log if the test has failed.
func (c *Cluster) dumpLogs() {
	if !c.tb.Failed() {
		return
	}
	for _, s := range c.servers() {
		if log := strings.TrimSpace(s.Log()); log != "" {
			c.tb.Logf("etcdtest: end of the log of %s:\n%s", s.name, tail(log, 25))
		}
	}
}

func (c *Cluster) servers() []*server {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*server
	for _, m := range c.members {
		all = append(all, &m.server)
	}
	for _, p := range c.proxies {
		all = append(all, &p.server)
	}
	return all
}
