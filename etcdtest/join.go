// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const joinTimeout = restartTimeout

// NewMember returns a new member with the options of the others. It does not run, and the cluster does not know it.
// Tell the cluster about it, and then call [Member.Join]:
//
//	m := c.NewMember()
//	admit(m.PeerURL()) // member add, as a voter or as a learner: the subject of the test
//	m.Join()
//
// Until then it is not in [Cluster.Members]. An error is a failure of the cluster, and the result is nil.
func (c *Cluster) NewMember() *Member {
	m, err := c.makeMember()
	if err != nil {
		c.fail(fmt.Errorf("NewMember: %w", err))
		return nil
	}
	return m
}

// Join starts a member from [Cluster.NewMember] and adds it to [Cluster.Members]. The cluster must know it by its
// [Member.PeerURL]. Join returns as [Member.Restart] does, and gives up after 30 s. A learner may lag behind for a
// moment after that. It is a failure of the cluster if the cluster does not know the member, or if it has joined
// already.
func (m *Member) Join() {
	ctx, cancel := context.WithTimeoutCause(m.cluster.life, joinTimeout, fmt.Errorf("not ready within %v", joinTimeout))
	defer cancel()
	err := m.join(ctx)
	if err == nil {
		err = m.awaitUp(ctx)
	}
	m.failed("Join", err)
}

func (m *Member) join(parent context.Context) error {
	m.turn.Lock()
	defer m.turn.Unlock()
	if m.inCluster() {
		return errors.New("it has joined already")
	}
	list, err := m.cluster.admission(parent, m)
	if err != nil {
		return err
	}
	initial := make([]string, len(list))
	for i, l := range list {
		name := l.Name
		switch {
		case slices.Contains(l.PeerURLs, m.peerURL):
			name = m.name
		case name == "":
			name = fmt.Sprintf("%x", l.ID) // any name except the member's own
		}
		urls := make([]string, len(l.PeerURLs))
		for j, url := range l.PeerURLs {
			urls[j] = name + "=" + url
		}
		initial[i] = strings.Join(urls, ",")
	}
	m.setOrigin("existing", initial, m.cluster.token())
	if err := m.launch(); err != nil {
		m.setOrigin("", nil, "")
		return err
	}
	m.cluster.takeIn(m)
	return nil
}

// admission returns the member list of a member that knows m. Other members may not know it yet.
func (c *Cluster) admission(parent context.Context, m *Member) ([]listed, error) {
	for _, other := range c.Members() {
		if !other.reachable() {
			continue
		}
		list, err := other.list(parent)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(list, func(l listed) bool { return slices.Contains(l.PeerURLs, m.peerURL) }) {
			return list, nil
		}
	}
	return nil, fmt.Errorf("no member that runs lists %s: the cluster must admit it first", m.peerURL)
}

// setOrigin sets how m first comes into the cluster. Without members it does not.
func (m *Member) setOrigin(state string, initial []string, token string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.origin = nil
	if len(initial) > 0 {
		m.origin = []string{
			"--initial-cluster-state=" + state,
			"--initial-cluster=" + strings.Join(initial, ","),
			"--initial-cluster-token=" + token,
		}
	}
}

func (m *Member) inCluster() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.origin != nil
}

// takeIn moves spare members into the cluster, and returns all its members.
func (c *Cluster) takeIn(joining ...*Member) []*Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members = append(c.members, joining...)
	c.spare = slices.DeleteFunc(slices.Clone(c.spare), func(m *Member) bool { return slices.Contains(joining, m) })
	return slices.Clone(c.members)
}
