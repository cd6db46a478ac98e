// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
)

// listed is a member in the list of another one. The name is empty until the member has started.
type listed struct {
	ID       uint64
	Name     string
	PeerURLs []string
	Learner  bool `json:"isLearner"`
}

var errNoList = errors.New("the member does not know the cluster yet")

// list returns the members of the cluster as this one knows them. It asks the peer port, which is always open and
// plaintext, whatever the settings of the client port.
func (m *Member) list(parent context.Context) ([]listed, error) {
	body, err := m.cluster.get(parent, "http://"+m.peerPort.addr()+"/members")
	if err != nil {
		return nil, err
	}
	var list []listed
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		return nil, err
	}
	// An old etcd lists nobody until it has read its log.
	if !slices.ContainsFunc(list, func(l listed) bool { return l.ID == m.ID() }) {
		return nil, errNoList
	}
	return list, nil
}

// hasMajority reports whether m is in a majority of voting members that can reach each other. The cluster knows who
// votes: learners do not, and members come and go.
func (m *Member) hasMajority(parent context.Context) (bool, error) {
	if !m.reachable() {
		return false, nil
	}
	list, err := m.list(parent)
	if err != nil {
		return false, err
	}
	voters, reachable := 0, 0
	for _, l := range list {
		if l.Learner {
			continue
		}
		voters++
		if slices.ContainsFunc(m.cluster.Members(), func(other *Member) bool { return other.ID() == l.ID && other.reachable() }) {
			reachable++
		}
	}
	return reachable > voters/2, nil
}
