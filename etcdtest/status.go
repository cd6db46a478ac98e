// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// status is a member's report on its metrics port. That port is always open and plaintext, whatever the settings of the
// others.
type status struct {
	id        uint64
	leads     bool
	hasLeader bool
}

func (m *Member) status(parent context.Context) (status, error) {
	var s status
	body, err := m.cluster.get(parent, "http://"+m.statusPort.addr()+"/metrics")
	if err != nil {
		return s, err
	}
	lines := bufio.NewScanner(strings.NewReader(body))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		metric, label, _ := strings.Cut(name, "{")
		_, label, _ = strings.Cut(label, `"`)
		label, _, _ = strings.Cut(label, `"`)
		switch metric {
		case "etcd_server_id":
			s.id, err = strconv.ParseUint(label, 16, 64)
			if err != nil {
				return s, fmt.Errorf("member ID in metrics: %w", err)
			}
		case "etcd_server_is_leader":
			s.leads = value == "1"
		case "etcd_server_has_leader":
			s.hasLeader = value == "1"
		}
	}
	return s, lines.Err()
}

// notDecided is etcd's word for the version of a cluster that has not agreed on one yet.
const notDecided = "not_decided"

// awaitServing waits until the process answers, with or without a leader.
func (m *Member) awaitServing(parent context.Context) error {
	return m.await(parent, func(ctx context.Context) bool {
		s, err := m.status(ctx)
		if err != nil || s.id == 0 {
			return false
		}
		m.id.Store(s.id)
		return true
	})
}

// awaitReady waits until the member sees a leader, and reports on its client port that the members have agreed on a
// version, their first common decision. It does not ask for the member's health, which an alarm makes bad. It does not
// read the version from the metrics either, which a member that was sent a snapshot need not set.
func (m *Member) awaitReady(parent context.Context) error {
	return m.await(parent, func(ctx context.Context) bool {
		if s, err := m.status(ctx); err != nil || !s.hasLeader {
			return false
		}
		body, err := m.cluster.get(ctx, m.clientURL()+"/version")
		var version struct {
			Cluster string `json:"etcdcluster"`
		}
		return err == nil && json.Unmarshal([]byte(body), &version) == nil && version.Cluster != notDecided
	})
}

// awaitUp waits until the process answers and, if a majority of the members can reach each other, the member sees a
// leader.
func (m *Member) awaitUp(parent context.Context) error {
	if err := m.awaitServing(parent); err != nil {
		return err
	}
	var majority bool
	err := m.await(parent, func(ctx context.Context) bool {
		var err error
		majority, err = m.hasMajority(ctx)
		return err == nil
	})
	if err != nil || !majority {
		return err
	}
	return m.awaitReady(parent)
}

func (c *Cluster) get(parent context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(parent, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return string(body), err
}
