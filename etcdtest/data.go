// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Data is a copy of what the members of a [Cluster] had stored at one moment, made by [Cluster.SaveData].
type Data struct {
	dir     string // with a directory for each member
	members []string
}

// SaveData copies what every member has stored, for [Cluster.RestoreData]. Members that run are halted while that lasts,
// which takes a moment and needs a Unix; clients notice nothing else. The copy ends with the cluster. What goes wrong is a
// failure of the cluster, and the result is nil then.
func (c *Cluster) SaveData() *Data {
	d, err := c.saveData()
	if err != nil {
		c.fail(fmt.Errorf("SaveData: %w", err))
		return nil
	}
	return d
}

// RestoreData kills all members, gives them back what they had stored when the copy was made, and starts them again, as
// after a restore from a backup: the same cluster with the same IDs at the same addresses, whose revision and raft term
// are earlier ones, and whose history goes on differently. It returns when all members are ready, and gives up after a
// minute, which is a failure of the cluster. So is a member that has joined since the copy was made.
func (c *Cluster) RestoreData(d *Data) {
	c.failed("RestoreData", c.restoreData(d))
}

// Wipe kills all members, removes what they have stored, and starts them again as new members of a new cluster, which has
// the addresses, the members' IDs and the cluster's ID of the former one: these are made of the members' URLs. It returns
// when all members are ready, and gives up after a minute, which is a failure of the cluster.
func (c *Cluster) Wipe() {
	c.failed("Wipe", c.changeData(func(members []*Member) error {
		foundAll(members, c.token())
		return nil
	}))
}

// Replace is [Cluster.Wipe] with other IDs: another cluster is at the addresses of the former one.
func (c *Cluster) Replace() {
	c.failed("Replace", c.changeData(func(members []*Member) error {
		foundAll(members, fmt.Sprintf("%s-%d", c.token(), c.replaced.Add(1)))
		return nil
	}))
}

func (c *Cluster) saveData() (d *Data, err error) {
	members := c.Members()
	for _, m := range members {
		m.turn.Lock()
		defer m.turn.Unlock()
	}
	for _, m := range members {
		if !m.answering() {
			continue
		}
		defer func() {
			if p := m.running(); p != nil {
				err = errors.Join(err, m.resume(p))
			}
		}()
		if err := m.pause(); err != nil {
			return nil, fmt.Errorf("halt %s: %w", m.name, err)
		}
	}
	d = &Data{}
	if d.dir, err = os.MkdirTemp(c.dir, "data-"); err != nil {
		return nil, err
	}
	for _, m := range members {
		if err := copyTree(filepath.Join(d.dir, m.name), m.dataDir()); err != nil {
			return nil, err
		}
		d.members = append(d.members, m.name)
	}
	return d, nil
}

func (c *Cluster) restoreData(d *Data) error {
	if d == nil {
		return errors.New("no data")
	}
	for _, m := range c.Members() {
		if !slices.Contains(d.members, m.name) {
			return fmt.Errorf("%s has joined since", m.name)
		}
	}
	return c.changeData(func(members []*Member) error {
		for _, m := range members {
			if err := copyTree(m.dataDir(), filepath.Join(d.dir, m.name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// changeData kills all members, removes their data, has change put other data there, and starts the members.
func (c *Cluster) changeData(change func([]*Member) error) error {
	members := c.Members()
	for _, m := range members {
		m.turn.Lock()
		defer m.turn.Unlock()
	}
	for _, m := range members {
		if _, err := os.Stat(m.dataDir()); err != nil {
			return fmt.Errorf("the data of %s: %w", m.name, err) // it may be elsewhere, by a flag
		}
		if p := m.running(); p != nil {
			if err := p.kill(); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(m.dataDir()); err != nil {
			return err
		}
	}
	if err := change(members); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(c.life, startTimeout, fmt.Errorf("not ready within %v", startTimeout))
	defer cancel()
	return startAll(ctx, members)
}

// foundAll makes the members the first ones of a cluster. The token is part of what their IDs are made of.
func foundAll(members []*Member, token string) {
	founders := make([]string, len(members))
	for i, m := range members {
		founders[i] = m.name + "=" + m.peerURL
	}
	for _, m := range members {
		m.setOrigin("new", founders, token)
	}
}

// startAll starts members, and waits until all are ready.
func startAll(parent context.Context, members []*Member) error {
	// A new member asks each of the others for the member list before it serves anything, and waits a second
	// for one that listens but does not serve yet. So each is let come to where it answers such questions
	// before the next one starts.
	for _, m := range members {
		if err := m.launch(); err != nil {
			return err
		}
		if err := m.awaitServing(parent); err != nil {
			return err
		}
	}
	for _, m := range members {
		if err := m.awaitReady(parent); err != nil {
			return err
		}
	}
	return nil
}

// token is the one with which the cluster was founded.
func (c *Cluster) token() string { return filepath.Base(c.dir) }

func (m *Member) dataDir() string { return filepath.Join(m.cluster.dir, m.name) }
