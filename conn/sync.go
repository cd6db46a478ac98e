// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/refusal"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
)

// errRetired is why an endpoint is out of service that is no member's any more.
var errRetired = errors.New("retired: no voting member of the cluster has this endpoint")

// errNotGiven is why an endpoint is out of service that SetEndpoints has not named.
var errNotGiven = errors.New("retired: it is not among the endpoints that were set")

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
// themselves, such as a load balancer's. But an Active endpoint stays where its member cannot be reached by the URLs that it
// advertises. An endpoint with the same address is kept as it is, and so is its spelling. A member with several client URLs
// is one endpoint, under the one that is in use already or else the first, and is reached by whichever answers. A URL in
// the clear is skipped with a warning on a connection over TLS, and the other way round. Servers of 3.4 answer from what
// one member knows.
//
// It returns ErrUnavailable where there is no member to ask, or none that can be used, ErrClosed, or an [*etcderr.Error].
// It calls Cluster/MemberList, and is safe for concurrent use. See [WithAutoSync].
func (c *Conn) Sync(parent context.Context) error {
	return c.change(parent, func() error {
		list := new(pb.MemberListResponse)
		err := c.Invoke(parent, pb.Cluster_MemberList_FullMethodName, &pb.MemberListRequest{Linearizable: true}, list)
		if err != nil {
			return err
		}
		return c.replace(parent, "sync", errRetired, c.sitesOf(list.GetMembers()))
	})
}

// SetEndpoints makes these the connection's endpoints, as [Conn.Sync] does with the member list, for endpoints that are
// known by other means, such as DNS or Kubernetes. New ones are connected first; if none of all that are given is Active by
// then, nothing changes and it returns ErrUnavailable with the reason of each. Then those that are not given any more are
// retired. In mode Random the endpoint in use stays so if it is among them; otherwise each of them is tried for the connect
// timeout, and the first that answers is used next. The forms are those of [Open].
//
// A malformed endpoint, or none, is ErrEndpoint. On a connection with [WithAutoSync], which would undo it, it is ErrOption.
// On a closed connection it returns ErrClosed. It sends no request but the checks of new endpoints, and is safe for
// concurrent use.
func (c *Conn) SetEndpoints(parent context.Context, endpoints []string) error {
	if c.opts.autoSync {
		return fmt.Errorf("%w: SetEndpoints with WithAutoSync, which takes the endpoints from the member list", ErrOption)
	}
	addresses, err := member.ParseAddresses(endpoints, c.opts.tls != nil)
	if err != nil {
		return err
	}
	sites := make([]site, 0, len(addresses))
	for _, a := range addresses {
		sites = append(sites, site{addresses: []member.Address{a}})
	}
	return c.change(parent, func() error { return c.replace(parent, "set endpoints", errNotGiven, sites) })
}

// change makes a change of the set of endpoints, when it is its turn.
func (c *Conn) change(parent context.Context, f func() error) error {
	if parent == nil {
		return refusal.ErrNilContext
	}
	select {
	case c.membership.turn <- struct{}{}:
		defer func() { <-c.membership.turn }()
	case <-c.life.Done():
		return refusal.Closed(c.name)
	case <-parent.Done():
		return tell.Ended(parent)
	}
	if c.life.Err() != nil {
		return refusal.Closed(c.name)
	}
	return f()
}

// site is where one endpoint is to be found.
type site struct {
	member    uint64           // 0: unknown
	addresses []member.Address // of which the first is its name
}

// sitesOf is a site for each voting member that can be reached.
func (c *Conn) sitesOf(members []*pb.Member) []site {
	inUse := map[string]bool{}
	for _, e := range c.set.All() {
		inUse[e.Key()] = true
	}
	var all []site
	for _, m := range members {
		if m.GetIsLearner() {
			continue
		}
		s := site{member: m.GetID()}
		for _, url := range m.GetClientURLs() {
			a, err := member.ParseAddress(url, c.opts.tls != nil)
			if err == nil && a.Secure != c.secure {
				err = errors.New("the scheme does not match the transport of the connection")
			}
			if err != nil {
				if _, known := c.membership.warned.LoadOrStore(url, true); !known {
					c.opts.log.Warn("etcd member's client URL skipped", slog.String("connection", c.name),
						slog.String("member", m.GetName()), slog.String("url", url), slog.Any("reason", err))
				}
				continue
			}
			if len(s.addresses) > 0 && inUse[a.Key()] && !inUse[s.addresses[0].Key()] {
				s.addresses = slices.Insert(s.addresses, 0, a)
			} else {
				s.addresses = append(s.addresses, a)
			}
		}
		if len(s.addresses) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// replace makes these sites the endpoints of the connection.
func (c *Conn) replace(parent context.Context, doing string, why error, sites []site) error {
	before := map[string]*member.Endpoint{}
	for _, e := range c.set.All() {
		before[e.Key()] = e
	}
	var next, added []*member.Endpoint
	of := map[uint64]*member.Endpoint{}
	taken := map[string]bool{}
	for _, s := range sites {
		key := s.addresses[0].Key()
		if taken[key] {
			continue
		}
		taken[key] = true
		e := before[key]
		if e == nil {
			e = c.set.New(s.addresses[0])
			added = append(added, e)
		}
		e.SetOthers(s.addresses[1:])
		delete(before, key)
		next = append(next, e)
		if s.member != 0 {
			of[s.member] = e
		}
	}
	if len(next) == 0 {
		return &unavailable{conn: c.name, doing: doing + ": the member list has no endpoint that can be used"}
	}
	if len(added) == 0 && len(before) == 0 {
		return nil
	}
	old := c.set.All()
	c.set.Store(append(old[:len(old):len(old)], added...)) // so that they can be asked for by name
	err := c.connectAll(parent, added)
	if err == nil && !anyActive(next) {
		err = c.unusable(parent, doing, next)
	}
	if err != nil {
		c.set.Store(old)
		for _, e := range added {
			e.Withdraw(why)
		}
		return err
	}
	for key, e := range before {
		if now := of[e.Member()]; now != nil && now.Snapshot().State != member.Active {
			delete(before, key) // it is the one way to a member
			next = append(next, e)
		}
	}
	c.set.Store(next)
	if len(added) == 0 && len(before) == 0 {
		return nil
	}
	for _, e := range before {
		e.Withdraw(why)
	}
	c.opts.log.Info("etcd endpoints synced", slog.String("connection", c.name),
		slog.Int("added", len(added)), slog.Int("retired", len(before)), slog.Int("endpoints", len(next)))
	return nil
}

// connectAll starts to look after new endpoints, and waits for the first verdict of each.
func (c *Conn) connectAll(parent context.Context, added []*member.Endpoint) error {
	first, n, err := c.set.Keep(added)
	if err != nil {
		return refusal.Closed(c.name)
	}
	for range n {
		select {
		case <-first:
		case <-parent.Done():
			return tell.Ended(parent)
		case <-c.life.Done():
			return refusal.Closed(c.name)
		}
	}
	return nil
}

// anyActive reports whether one of the endpoints is Active.
func anyActive(all []*member.Endpoint) bool {
	return slices.ContainsFunc(all, func(e *member.Endpoint) bool { return e.Snapshot().State == member.Active })
}

// unusable is ErrUnavailable, with the reason of each endpoint, where none of these can take requests. In mode Random it
// tries all of them, each for the connect timeout; the first that works is the next one to be used.
func (c *Conn) unusable(parent context.Context, doing string, all []*member.Endpoint) error {
	err := &unavailable{conn: c.name, doing: doing + ": none of the endpoints answers"}
	for _, e := range all {
		err.endpoints = append(err.endpoints, e.Snapshot())
	}
	if c.opts.mode != Random {
		return err
	}
	type trial struct {
		i      int
		failed error
	}
	trials := make(chan trial, len(all))
	for i, e := range all {
		if err := c.Go(func(context.Context) { trials <- trial{i, c.set.Try(e)} }); err != nil {
			return refusal.Closed(c.name)
		}
	}
	for range all {
		select {
		case t := <-trials:
			if t.failed == nil {
				c.set.Prefer(all[t.i])
				return nil
			}
			err.endpoints[t.i].Err = t.failed
		case <-parent.Done():
			return tell.Ended(parent)
		case <-c.life.Done():
			return refusal.Closed(c.name)
		}
	}
	return err
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
		if !wait.For(life, every-every/20+rand.N(every/10)) {
			return
		}
	}
}

// minSyncInterval keeps a mistaken unit from becoming a load on the cluster.
const minSyncInterval = time.Second
