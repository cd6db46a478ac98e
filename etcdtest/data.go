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

// Data is a copy of what the members of a [Cluster] had stored at one moment. [Cluster.SaveData] makes it.
type Data struct {
	dir     string // with a directory for each member
	members []string
}

// SaveData copies what every member has stored, for [Cluster.RestoreData]. It pauses running members for a moment,
// which needs a Unix. Clients notice nothing else. The copy is removed with the cluster. An error is a failure of the
// cluster, and the result is nil.
func (c *Cluster) SaveData() *Data {
	d, err := c.saveData()
	if err != nil {
		c.fail(fmt.Errorf("SaveData: %w", err))
		return nil
	}
	return d
}

// RestoreData kills all members, restores what they had stored at the time of the copy, and starts them again, as after
// a restore from a backup. IDs and addresses stay, the revision and raft term go back, and the history continues
// differently. RestoreData returns when all members are ready. It is a failure of the cluster if that takes more than a
// minute, or if a member has joined since the copy.
func (c *Cluster) RestoreData(d *Data) {
	c.failed("RestoreData", c.restoreData(d))
}

// Wipe kills all members, removes what they have stored, and starts them as a new cluster with the same addresses. The
// IDs of the members and the cluster stay the same too, because they are computed from the URLs. Wipe returns when all
// members are ready. It is a failure of the cluster if that takes more than a minute.
func (c *Cluster) Wipe() {
	c.failed("Wipe", c.changeData(func(members []*Member) error {
		foundAll(members, c.token())
		return nil
	}))
}

// Replace is [Cluster.Wipe] with new IDs: another cluster is at the same addresses.
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

// changeData kills all members, removes their data, calls change to put other data there, and starts the members.
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

// foundAll makes the members the first ones of a cluster. Their IDs depend on the token.
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
	// A new member asks each of the others for the member list before it serves. It waits a second for one that listens
	// but does not serve yet. So the next member starts only when this one can answer.
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

// token returns the token with which the cluster was founded.
func (c *Cluster) token() string { return filepath.Base(c.dir) }

func (m *Member) dataDir() string { return filepath.Join(m.cluster.dir, m.name) }
