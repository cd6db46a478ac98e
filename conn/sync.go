// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// errRetired is why an endpoint is out of service that is no member's any more.
var errRetired = errors.New("retired: no voting member of the cluster has this endpoint")

// membership is the set of a connection's endpoints as it changes.
type membership struct {
	turn   chan struct{} // holds the right to change the set
	warned sync.Map      // client URLs that were skipped, and said to be
}

// Sync makes the connection's endpoints those of the cluster's members, now: the client URLs in the member list, of voting
// members that have started. New endpoints are connected first; if none of all that remain is Active by then, nothing
// changes. Then those that are no member's any more are retired: they take no further requests, calls under way on them go
// on, and streams move to another. A state listener hears of a retired endpoint as Frozen, once.
//
// The member list is the truth: it replaces endpoints given to Open that are spelled otherwise than the members advertise
// themselves, such as a load balancer's. An endpoint with the same address is kept as it is, and so is its spelling. Of a
// member with several client URLs one is used, one in use already if there is one; a URL in the clear is skipped with a
// warning on a connection over TLS, and the other way round. Servers of 3.4 answer from what one member knows.
//
// It returns ErrUnavailable where there is no member to ask, or none that can be used, ErrClosed, or an [*etcderr.Error].
// It calls Cluster/MemberList, and is safe for concurrent use. See [WithAutoSync].
func (c *Conn) Sync(parent context.Context) error {
	if parent == nil {
		return errNilContext
	}
	select {
	case c.membership.turn <- struct{}{}:
		defer func() { <-c.membership.turn }()
	case <-c.life.Done():
		return fmt.Errorf("%w: %q", ErrClosed, c.name)
	case <-parent.Done():
		return contextErr(parent)
	}
	list := new(pb.MemberListResponse)
	err := c.Invoke(parent, pb.Cluster_MemberList_FullMethodName, &pb.MemberListRequest{Linearizable: true}, list)
	if err != nil {
		return err
	}
	return c.replace(parent, c.addressesOf(list.GetMembers()))
}

// addressesOf is one address for each voting member that can be reached.
func (c *Conn) addressesOf(members []*pb.Member) []address {
	inUse := map[string]bool{}
	for _, e := range c.all() {
		inUse[e.key] = true
	}
	var all []address
	for _, m := range members {
		if m.GetIsLearner() {
			continue
		}
		var chosen address
		for _, url := range m.GetClientURLs() {
			a, err := parseAddress(url, c.opts.tls != nil)
			if err == nil && a.secure != c.secure {
				err = errors.New("the scheme does not match the transport of the connection")
			}
			if err != nil {
				if _, known := c.membership.warned.LoadOrStore(url, true); !known {
					c.opts.log.Warn("etcd member's client URL skipped", slog.String("connection", c.name),
						slog.String("member", m.GetName()), slog.String("url", url), slog.Any("reason", err))
				}
				continue
			}
			if chosen.dial == "" || inUse[a.key()] && !inUse[chosen.key()] {
				chosen = a
			}
		}
		if chosen.dial != "" {
			all = append(all, chosen)
		}
	}
	return all
}

// replace makes these addresses the endpoints of the connection.
func (c *Conn) replace(parent context.Context, addresses []address) error {
	before := map[string]*endpoint{}
	for _, e := range c.all() {
		before[e.key] = e
	}
	var next, added []*endpoint
	taken := map[string]bool{}
	for _, a := range addresses {
		key := a.key()
		if taken[key] {
			continue
		}
		taken[key] = true
		e := before[key]
		if e == nil {
			e = newEndpoint(c, a)
			added = append(added, e)
		}
		delete(before, key)
		next = append(next, e)
	}
	if len(next) == 0 {
		return c.refused("sync: the member list has no endpoint that can be used", nil)
	}
	if len(added) == 0 && len(before) == 0 {
		return nil
	}
	old := c.all()
	c.endpoints.Store(append(old[:len(old):len(old)], added...)) // so that they can be asked for by name
	if err := c.connectAll(parent, added); err != nil || !c.anyActive(next) {
		c.endpoints.Store(old)
		for _, e := range added {
			e.retire(errRetired)
		}
		if err != nil {
			return err
		}
		return c.refused("sync: none of the members' endpoints answers", nil)
	}
	c.endpoints.Store(next)
	for _, e := range before {
		e.retire(errRetired)
	}
	c.opts.log.Info("etcd endpoints synced", slog.String("connection", c.name),
		slog.Int("added", len(added)), slog.Int("retired", len(before)), slog.Int("endpoints", len(next)))
	return nil
}

// connectAll starts to look after new endpoints, and waits for the first verdict of each.
func (c *Conn) connectAll(parent context.Context, added []*endpoint) error {
	if c.opts.mode == Random {
		for _, e := range added {
			e.err = errStandby
		}
		return nil
	}
	first := make(chan error, len(added))
	for _, e := range added {
		if err := c.Go(func(context.Context) { e.keep(e.life, firstTo(first)) }); err != nil {
			return fmt.Errorf("%w: %q", ErrClosed, c.name)
		}
	}
	for range added {
		select {
		case <-first:
		case <-parent.Done():
			return contextErr(parent)
		case <-c.life.Done():
			return fmt.Errorf("%w: %q", ErrClosed, c.name)
		}
	}
	return nil
}

// anyActive reports whether one of the endpoints is Active; in mode Random one that is not connected may as well be.
func (c *Conn) anyActive(all []*endpoint) bool {
	for _, e := range all {
		if c.opts.mode == Random || e.snapshot().State == Active {
			return true
		}
	}
	return false
}

// autoSync syncs now and then until life ends.
func (c *Conn) autoSync(life context.Context) {
	if c.WaitReady(life) != nil {
		return
	}
	for {
		if err := c.Sync(life); err != nil && life.Err() == nil {
			c.opts.log.Warn("etcd endpoints not synced", slog.String("connection", c.name), slog.Any("reason", err))
		}
		every := c.opts.syncInterval
		if !sleep(life, every-every/20+rand.N(every/10)) {
			return
		}
	}
}

// minSyncInterval keeps a mistaken unit from becoming a load on the cluster.
const minSyncInterval = time.Second
